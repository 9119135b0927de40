import { JournaledArray } from '../base/journal.ts';
import { invariant } from '../language/invariant.ts';
import { Refusal } from '../language/operation.ts';
import type { Binary } from '../model/kernel/binary-pack.ts';
import type { World } from '../model/world.ts';

/** The operations that make, finish or end a program with a buffer. */
const CONCERNED = new Set([
  'bpf_jit_binary_pack_alloc',
  'do_jit',
  'bpf_jit_binary_pack_finalize',
  'bpf_jit_binary_pack_free',
  'bpf_jit_free',
]);

export const rwBuffersLiveUntilFinalize = invariant<World>({
  name: 'rw-buffers-live-until-finalize',
  law: 'The RW buffer of a program lives exactly until it is finalized or freed, and nobody touches it after that.',
  concerns: (_, { operation, returned }) =>
    CONCERNED.has(operation.name) && !(operation.name === 'bpf_jit_binary_pack_alloc' && returned instanceof Refusal),
  judgeStep({ log }, { operation, taken, returned, changes }, violated) {
    const binary = (taken.prog ?? returned) as Binary;
    const due = operation.name === 'bpf_jit_binary_pack_alloc' || operation.name === 'do_jit';
    if (binary.buffer.alive !== due) violated(`after ${operation.name} the buffer is ${due ? 'gone' : 'still there'}`);
    if (!changes.of(JournaledArray).includes(log.reports)) return;
    changes.each((owner, key, old) => {
      const report = owner === log.reports && !Array.isArray(old) ? log.reports.at(key as number) : undefined;
      if (report?.kind === 'KASAN') violated(report.text);
    });
  },
});
