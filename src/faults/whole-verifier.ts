import { type Fault, fault } from '../language/fault.ts';
import { Class, Operation, Source } from '../model/bpf/instruction.ts';
import type { VerifierDecisions } from '../model/bpf/verifier/decisions.ts';
import type { WholeWorld } from '../model/whole-world.ts';

const HERE = { kernel: '6.18', suite: 'whole', breaks: 'interpreter-and-cpu-agree' } as const;

function decide({ programs }: WholeWorld, decisions: Partial<VerifierDecisions>): void {
  programs.decisions = { ...programs.decisions, ...decisions };
}

const exchangeLeavesUpperR0 = fault<WholeWorld>({
  ...HERE,
  name: 'exchange-leaves-upper-r0',
  story: 'Nothing extends r0 after a compare-and-exchange of 32 bits, which leaves its upper half when it succeeds.',
  source: 'before 39491867ace5 "bpf: Explicitly zero-extend R0 after 32-bit cmpxchg" (5.12)',
  plant: (world) => decide(world, { extendsExchange: false }),
});

const arenaExchangeLeavesUpperR0 = fault<WholeWorld>({
  ...HERE,
  kernel: '7.3',
  name: 'arena-exchange-leaves-upper-r0',
  story:
    'The verifier does not know that an atomic instruction in an arena defines a register, and extends none after it.',
  source: 'before df34ec9db6f5 "bpf: Fix atomic probe zero-extension" (6.11)',
  plant: (world) => decide(world, { extendsArenaExchange: false }),
});

const minusOneReachesTheCpu = fault<WholeWorld>({
  ...HERE,
  name: 'minus-one-reaches-the-cpu',
  story: 'A signed division by -1 is left to idiv, which raises a divide error for the most negative number.',
  source: 'before "bpf: Fix a sdiv overflow issue" (6.12, CVE-2024-49888)',
  plant: (world) => decide(world, { guardsMinusOne: false }),
});

const castWithoutArena = fault<WholeWorld>({
  ...HERE,
  name: 'cast-without-arena',
  story: 'A cast between address spaces passes in a program without an arena, and its rewriting looks for one.',
  breaks: 'programs-raise-no-alarm',
  source: 'before 122fdbd2a030 "bpf: verifier: reject addr_space_cast insn without arena" (6.9-rc)',
  plant: (world) => decide(world, { castsNeedAnArena: false }),
});

const castTakenForExtension = fault<WholeWorld>({
  ...HERE,
  name: 'cast-taken-for-extension',
  story:
    'A cast to kernel space keeps its immediate of 1, the mark of an extension of the destination; a JIT that knows the mark drops the move.',
  source: 'before f7f5d1808b1b "bpf: verifier: fix addr_space_cast from as(1) to as(0)" (6.9-rc); x86 ignores the mark',
  plant: (world) =>
    decide(world, {
      castToKernel: (cast) => ({
        ...cast,
        opcode: Class.ALU | Operation.MOV | Source.X,
        src: cast.dst,
        offset: 0,
        immediate: 1,
      }),
    }),
});

const arenaAtomicsWithoutJit = fault<WholeWorld>({
  ...HERE,
  name: 'arena-atomics-without-jit',
  story: 'The verifier lets every atomic instruction into an arena, also those for which the JIT has no code there.',
  breaks: 'verified-programs-are-compiled',
  source: 'before 44d79142ede8 "bpf: Temporarily disable atomic operations in BPF arena" (6.9-rc)',
  plant: (world) => decide(world, { jitCanInArena: () => true }),
});

const atomicMeetsTwoPointers = fault<WholeWorld>({
  ...HERE,
  name: 'atomic-meets-two-pointers',
  story:
    'An atomic instruction that an arena pointer reaches is compiled for the arena, though a stack pointer reaches it too.',
  source: 'as in the verifier of 7.0; the title of the fix of 2026 is not known',
  plant: (world) => decide(world, { atomicsKeepTheirKind: false }),
});

/** Bugs that the verifier's rewriting had. */
export const wholeVerifierFaults: readonly Fault<WholeWorld>[] = [
  exchangeLeavesUpperR0,
  arenaExchangeLeavesUpperR0,
  minusOneReachesTheCpu,
  castWithoutArena,
  castTakenForExtension,
  arenaAtomicsWithoutJit,
  atomicMeetsTwoPointers,
];
