import { type Fault, fault } from '../language/fault.ts';
import type { JitDecisions } from '../model/bpf/jit/decisions.ts';
import type { JitMachine } from '../model/bpf/jit/machine.ts';
import type { JitBehaviour } from '../model/bpf/jit/profile.ts';
import type { WholeWorld } from '../model/whole-world.ts';

const HERE = { kernel: '6.18', suite: 'whole', breaks: 'interpreter-and-cpu-agree' } as const;

function compileWith({ programs }: WholeWorld, machine: Partial<JitMachine>): void {
  programs.jit = { ...programs.jit, ...machine };
}

const decide = (world: WholeWorld, decisions: Partial<JitDecisions>): void =>
  compileWith(world, { decisions: { ...world.programs.jit.decisions, ...decisions } });

const behave = (world: WholeWorld, behaviour: Partial<JitBehaviour>): void =>
  compileWith(world, { behaviour: { ...world.programs.jit.behaviour, ...behaviour } });

const byteStoreWithoutRex = fault<WholeWorld>({
  ...HERE,
  name: 'byte-store-without-rex',
  story: 'Storing the lowest byte of the frame pointer takes no REX prefix, and so stores ch.',
  source: 'before aee194b14dd2 "bpf, x86: Fix encoding for lower 8-bit registers in BPF_STX BPF_B" (5.7)',
  plant: (world) => decide(world, { byteNeedsRex: (register) => register > 5 }),
});

const fetchLoopUsesRax = fault<WholeWorld>({
  ...HERE,
  name: 'fetch-loop-uses-rax',
  story: 'A fetching AND, OR or XOR with r0 as operand uses rax, which the loop has loaded with the old value.',
  source: 'before b29dd96b905f "bpf, x86: Fix BPF_FETCH atomic and/or/xor with r0 as src" (5.12)',
  plant: (world) => decide(world, { fetchOperand: (register) => register }),
});

const entryNamesTheChecks = fault<WholeWorld>({
  ...HERE,
  name: 'exception-entry-names-the-checks',
  story: 'The exception entry of a probing load names the checks in front of it: the fault of the load finds no entry.',
  source: 'before 328aac5ecd11 "bpf, x86: Fix extable offset calculation" (5.14)',
  plant: (world) => decide(world, { faultingOffset: ({ start }) => start }),
});

const entrySkipsTooMuch = fault<WholeWorld>({
  ...HERE,
  name: 'exception-entry-skips-too-much',
  story:
    'The handler skips as many bytes as the checks and the load have together, and goes on inside a later instruction.',
  alsoBreaks: ['exception-entries-lie-in-their-program'],
  source: 'before 433956e91200 "bpf: Fix extable fixup offset." (5.16)',
  plant: (world) => decide(world, { skippedBytes: ({ start, end }) => end - start }),
});

const probeForgetsTheOffset = fault<WholeWorld>({
  ...HERE,
  name: 'probe-forgets-the-offset',
  story:
    'The check of a probing load looks at the base alone: an error pointer and its offset wrap around to user space.',
  source: 'before 588a25e92458 "bpf: Fix extable address check." (5.16)',
  plant: (world) => decide(world, { probesWithOffset: false }),
});

const vsyscallTakenForKernel = fault<WholeWorld>({
  ...HERE,
  name: 'vsyscall-taken-for-kernel',
  story: 'The check of a probing load lets the vsyscall page through, where a fault finds no exception entry.',
  source: 'before b599d7d26d6a "bpf, x86: Fix PROBE_MEM runtime load check" (6.9)',
  plant: (world) => behave(world, { probeCheck: 'above-user-limit' }),
});

const counterBesideTheStack = fault<WholeWorld>({
  ...HERE,
  name: 'tail-call-counter-not-rounded',
  story: 'A call takes the tail-call counter from below the bytes of stack as counted, and not as rounded up to eight.',
  source: 'before ff672c67ee76 "bpf, x86: Fix tail call count offset calculation on bpf2bpf call" (5.19)',
  plant: (world) => decide(world, { counterDistance: ({ stackDepth }) => stackDepth }),
});

const tailCallsCountedByValue = fault<WholeWorld>({
  ...HERE,
  name: 'tail-calls-counted-by-value',
  story: 'Every call hands on a copy of the count of tail calls, so each branch of a hierarchy may make 33 of its own.',
  source: 'before 116e04ba1459 "bpf, x64: Fix tailcall hierarchy" (6.12)',
  plant: (world) => behave(world, { tailCallCounter: 'by-value' }),
});

const callAimedBeforeAccounting = fault<WholeWorld>({
  ...HERE,
  name: 'call-aimed-before-accounting',
  story: 'The displacement of a call counts from where its call depth accounting begins.',
  alsoBreaks: ['freed-code-never-runs'],
  source: 'before 9d98aa088386 "x86/bpf: Fix IP after emitting call depth accounting" (6.9)',
  plant: (world) => decide(world, { callOffset: ({ start }) => start }),
});

const noPreambleForKcfi = fault<WholeWorld>({
  ...HERE,
  name: 'no-preamble-for-kcfi',
  story: 'The JIT emits no hash in front of programs, so on a kernel with kCFI every call of one traps.',
  breaks: 'indirect-calls-find-their-hash',
  source: 'before 4f9087f16651 "x86/cfi,bpf: Fix BPF JIT call" (6.8)',
  plant: (world) => compileWith(world, { controlFlow: { kind: 'none' } }),
});

const arenaStoresEscapeBlinding = fault<WholeWorld>({
  ...HERE,
  name: 'arena-stores-escape-blinding',
  story: 'Blinding does not know stores of constants into an arena, and their constants stand in the code.',
  breaks: 'blinded-constants-stay-out-of-text',
  source: 'before 2321a9596d22 "bpf: Fix constant blinding for PROBE_MEM32 stores" (7.0)',
  plant: (world) => behave(world, { blindsArenaStores: false }),
});

/** Bugs that the x86-64 JIT had. */
export const wholeJitFaults: readonly Fault<WholeWorld>[] = [
  byteStoreWithoutRex,
  fetchLoopUsesRax,
  entryNamesTheChecks,
  entrySkipsTooMuch,
  probeForgetsTheOffset,
  vsyscallTakenForKernel,
  counterBesideTheStack,
  tailCallsCountedByValue,
  callAimedBeforeAccounting,
  noPreambleForKcfi,
  arenaStoresEscapeBlinding,
];
