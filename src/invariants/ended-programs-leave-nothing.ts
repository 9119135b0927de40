import { invariant } from '../language/invariant.ts';
import type { Binary } from '../model/kernel/binary-pack.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';

const ENDING = new Set(['bpf_jit_binary_pack_free', 'bpf_jit_free']);

/** Whatever state it was in: finalized or not, a program can be freed once, and then its chunks are free. */
export const endedProgramsLeaveNothing = invariant<World>({
  name: 'ended-programs-leave-nothing',
  law: 'A program that was freed holds no chunk any more.',
  concerns: (_, { operation }) => ENDING.has(operation.name),
  judgeStep({ text }, { taken }, violated) {
    const { header, state } = taken.prog as Binary;
    if (state !== 'freed') violated(`the program is still ${state}`);
    for (const { address, chunks } of text.packs.packs.items) {
      const chunk = (header - address) / 64;
      if (chunk >= 0 && chunk < chunks.length && chunks.has(chunk)) {
        violated(`chunk ${chunk} of the pack at ${describeText(address)} is still marked`);
      }
    }
  },
});
