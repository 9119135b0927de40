import { isPowerOfTwo } from '../base/word.ts';
import { made } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { PagedBinary } from '../model/kernel/per-program-text.ts';
import type { World } from '../model/world.ts';
import { capableArgument, cpuArgument, cpuExists, failingArgument } from './circumstance.ts';
import { alignArgument, codeArgument, randomArgument } from './program.ts';
import { programLength } from './program-length.ts';

const bpfJitBinaryAlloc = operation({
  name: 'bpf_jit_binary_alloc',
  does: 'Takes whole writable pages for a program (kernel/bpf/core.c up to 5.17).',
  makes: 'paged',
  weight: 2,
  takes: {
    length: programLength,
    align: alignArgument,
    random: randomArgument,
    capable: capableArgument,
    cpu: cpuArgument,
    failing: failingArgument,
  },
  ready: (world: World, { length, align, cpu }) =>
    cpuExists(world, cpu) && isPowerOfTwo(align) && world.text.ownPages.takes(length),
  apply({ text: { ownPages }, failing: plan }: World, { failing, ...request }) {
    return plan.during(failing, () => ownPages.allocate(request)) ?? refuse('NULL');
  },
});

const emitInPlace = operation({
  name: 'do_jit_in_place',
  does: 'The JIT writes machine code into the pages themselves, which are not executable yet.',
  takes: { paged: made<PagedBinary>('paged'), code: codeArgument, cpu: cpuArgument },
  ready: (world: World, { paged, cpu }) => cpuExists(world, cpu) && paged.state === 'writable',
  apply({ text: { ownPages } }: World, { paged, code, cpu }) {
    ownPages.emit(paged, 0, new Uint8Array(paged.length).fill(code), cpu);
  },
});

const bpfJitBinaryLockRo = operation({
  name: 'bpf_jit_binary_lock_ro',
  does: 'Makes the pages read-only, then executable; no result is looked at (include/linux/filter.h).',
  weight: 2,
  takes: { paged: made<PagedBinary>('paged'), failing: failingArgument },
  ready: (_: World, { paged }) => paged.state === 'writable',
  apply: ({ text: { ownPages }, failing: plan }: World, { paged, failing }) =>
    plan.during(failing, () => ownPages.lock(paged)),
});

const bpfJitBinaryFree = operation({
  name: 'bpf_jit_binary_free',
  does: "Frees a program's pages (kernel/bpf/core.c up to 5.17).",
  ends: 'paged',
  takes: { paged: made<PagedBinary>('paged') },
  apply({ text: { ownPages }, log }: World, { paged }) {
    const reports = log.reports.length;
    ownPages.free(paged);
    return log.since(reports);
  },
});

export const perProgramTextOperations = [bpfJitBinaryAlloc, emitInPlace, bpfJitBinaryLockRo, bpfJitBinaryFree] as const;
