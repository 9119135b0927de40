import { type Fault, fault } from '../language/fault.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import { castToUser, high32, low32 } from '../model/bpf/arena-address.ts';
import { ArenaProgram } from '../model/bpf/arena-program.ts';

const HERE = { kernel: '6.18', suite: 'arena' } as const;

/** Changes every program that the world loads from now on. */
function eachProgram({ arenas }: ArenaWorld, change: (program: ArenaProgram) => void): void {
  const load = arenas.loadProgram;
  arenas.loadProgram = (arena, cpu) => {
    const program = load.call(arenas, arena, cpu);
    if (typeof program !== 'string') change(program);
    return program;
  };
}

const programLoadedWithoutAddress = fault<ArenaWorld>({
  ...HERE,
  name: 'program-loaded-without-address',
  story: 'A program is compiled before the arena has an address and keeps 0 for it.',
  breaks: 'programs-know-their-arena',
  alsoBreaks: ['allocations-lie-in-the-arena', 'free-slots-lie-inside-the-arena', 'refused-calls-change-nothing'],
  source: 'a check of the verifier that v1 of the arena patches lost, as told on 8 February 2024',
  plant({ arenas }) {
    arenas.loadProgram = (arena, cpu) => new ArenaProgram(arena, cpu);
  },
});

const offsetWraps = fault<ArenaWorld>({
  ...HERE,
  name: 'offset-wraps',
  story: 'The offset of an instruction is added in 32 bits, so that it wraps at the ends of the window.',
  breaks: 'loads-tell-the-page',
  alsoBreaks: ['stores-reach-their-page-alone'],
  source: 'plausible: the guards exist because the sum must not wrap',
  plant(world) {
    eachProgram(world, (program) => {
      program.distance = (pointer, offset) => (low32(pointer) + offset) >>> 0;
    });
  },
});

const nullByWholeRegister = fault<ArenaWorld>({
  ...HERE,
  name: 'null-by-whole-register',
  story: 'A cast to user space asks all 64 bits whether a pointer is NULL.',
  breaks: 'casts-agree',
  source: 'plausible: the JIT tests the register before the 32-bit move',
  plant(world) {
    eachProgram(world, (program) => {
      program.castToUser = (value) =>
        value === 0n || !program.arena.convertsToUser
          ? BigInt.asUintN(32, value)
          : high32(program.userStart) | BigInt.asUintN(32, value);
    });
  },
});

const flagOfCastIgnored = fault<ArenaWorld>({
  ...HERE,
  name: 'no-user-conv-ignored',
  story: 'BPF_F_NO_USER_CONV does not reach the JIT.',
  breaks: 'casts-agree',
  source: 'plausible: the flag of the map is read from the wrong map',
  plant(world) {
    eachProgram(world, (program) => {
      program.castToUser = (value) => castToUser(value, program.userStart, true);
    });
  },
});

const faultReportForgotten = fault<ArenaWorld>({
  ...HERE,
  name: 'fault-report-forgotten',
  story: 'An access of an absent page is passed over without a word.',
  breaks: 'loads-tell-the-page',
  source: 'kernels before 6.18',
  plant(world) {
    eachProgram(world, (program) => {
      program.report = () => undefined;
    });
  },
});

const valueBehindTheEnd = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.1',
  name: 'value-behind-the-end',
  story: 'The verifier compares the offset of a direct value with > and accepts the byte behind the arena.',
  breaks: 'direct-values-lie-in-the-arena',
  source: '3ac1a467e376 "bpf: Fix off-by-one boundary validation in arena direct-value access" (7.1)',
  plant({ arenas }) {
    const { directValue } = arenas;
    arenas.directValue = (arena, offset) =>
      offset === arena.userPages * 4096 && offset > 0
        ? arena.userStart + BigInt(offset)
        : directValue.call(arenas, arena, offset);
  },
});

const kernelFaultNotRecovered = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.2',
  suite: 'arena-scratch',
  name: 'kernel-fault-not-recovered',
  story: 'A helper that is handed the address of an absent page ends the kernel.',
  breaks: 'kernel-touches-find-a-page',
  source: 'dc11a4dba246 "bpf: Recover arena kernel faults with scratch page" (7.2)',
  plant({ arenas: { kernelFaults } }) {
    kernelFaults.recovers = () => false;
  },
});

/** Bugs of programs: their loading, their accesses and casts, and kernel code on their behalf. */
export const arenaProgramFaults: readonly Fault<ArenaWorld>[] = [
  programLoadedWithoutAddress,
  offsetWraps,
  nullByWholeRegister,
  flagOfCastIgnored,
  faultReportForgotten,
  valueBehindTheEnd,
  kernelFaultNotRecovered,
];
