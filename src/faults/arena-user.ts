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

const crossingRangeAccepted = fault<ArenaWorld>({
  ...HERE,
  name: 'crossing-range-accepted',
  story: 'A mapping across a multiple of 4 GiB is not moved up, so two of its pages can have one low half.',
  breaks: 'the-user-range-is-one-window',
  source: 'v1 of the arena patches, as told on 8 February 2024',
  plant({ arenas: { userSide } }) {
    userSide.crossesWindow = () => false;
  },
});

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

const forkCopiesArea = fault<ArenaWorld>({
  ...HERE,
  name: 'fork-copies-area',
  story: 'A child gets a copy of the area that shares its record; frees never reach the child.',
  breaks: 'records-name-live-areas',
  source: '4fddde2a732d "bpf: Fix use-after-free in arena_vm_close on fork" (7.1)',
  plant({ arenas: { userSide } }) {
    const { map } = userSide;
    userSide.map = (arena, mapping, area) => {
      const refused = map.call(userSide, arena, mapping, area);
      if (refused === undefined) area.change({ dontCopy: false });
      return refused;
    };
  },
});

const areaMaySplit = fault<ArenaWorld>({
  ...HERE,
  name: 'area-may-split',
  story: 'A part of the mapping can be unmapped or protected; the record then names one part, or none.',
  breaks: 'records-name-live-areas',
  alsoBreaks: ['areas-are-whole'],
  source: '4fddde2a732d "bpf: Fix use-after-free in arena_vm_close on fork" (7.1)',
  plant({ arenas: { userSide } }) {
    userSide.maySplit = () => true;
  },
});

const recordOutlivesArea = fault<ArenaWorld>({
  ...HERE,
  name: 'record-outlives-area',
  story: 'Closing an area counts down one number for the whole arena, which every mmap() sets back to one.',
  breaks: 'records-name-live-areas',
  source: 'first version of b90d77e5fd78 "bpf: Fix remap of arena.", review of 17 June 2024',
  plant({ arenas: { userSide } }) {
    const { closed } = userSide;
    userSide.closed = (arena, area) => {
      if (arena.records.length === 1) closed.call(userSide, arena, area);
    };
  },
});

const rangeForgottenAtUnmap = fault<ArenaWorld>({
  ...HERE,
  name: 'range-forgotten-at-unmap',
  story: 'The last munmap() makes the arena forget its address, though programs were compiled with it.',
  breaks: 'the-user-range-is-fixed-once',
  alsoBreaks: ['programs-know-their-arena'],
  source: 'plausible: user_vm_start is reset in arena_vm_close()',
  plant({ arenas: { userSide } }) {
    const { closed } = userSide;
    userSide.closed = (arena, area) => {
      closed.call(userSide, arena, area);
      if (arena.records.length > 0) return;
      arena.set('userStart', 0n);
      arena.set('userEnd', 0n);
    };
  },
});

const pageWithoutReference = fault<ArenaWorld>({
  ...HERE,
  name: 'page-without-reference',
  story: 'The fault handler hands a page out without a reference for the new entry.',
  breaks: 'references-count-the-holders',
  source: 'page_ref_add() after the unlock, a defect caught in review of b8467290edab (2025)',
  plant({ arenas: { userSide } }) {
    userSide.share = (frame) => ({ frame });
  },
});

const flagOfFaultIgnored = fault<ArenaWorld>({
  ...HERE,
  name: 'segv-on-fault-ignored',
  story: 'A touch populates an arena that asked for a signal.',
  breaks: 'flagged-arenas-are-never-faulted-in',
  source: 'plausible: the test of the flag is lost',
  plant({ arenas: { userSide } }) {
    userSide.mustNotPopulate = () => false;
  },
});

const faultInByOffset = fault<ArenaWorld>({
  ...HERE,
  name: 'fault-in-by-offset',
  story: 'The fault handler looks for the page by its place in the mapping, and not by the low half of its address.',
  breaks: 'users-see-the-kernels-page',
  alsoBreaks: ['free-slots-hold-no-page', 'only-reservations-reserve'],
  source: 'plausible: kern_vm_start + pgoff * PAGE_SIZE',
  plant({ arenas: { userSide } }) {
    userSide.indexOf = (arena, page) => page - Number(arena.userStart >> 12n);
  },
});

const crossingBeforeSize = fault<ArenaWorld>({
  ...HERE,
  name: 'crossing-checked-before-size',
  story: 'An arena that is too large and crosses a multiple of 4 GiB is answered with ERANGE.',
  breaks: 'creation-is-refused-in-order',
  source: 'plausible: two checks in the other order',
  plant({ arenas }) {
    const { refuses } = arenas;
    arenas.refuses = (attributes) => {
      const refused = refuses.call(arenas, attributes);
      return refused === '-E2BIG' && attributes.mapExtra !== 0n ? '-ERANGE' : refused;
    };
  },
});

const windowLeftBehind = fault<ArenaWorld>({
  ...HERE,
  name: 'window-left-behind',
  story: 'A destroyed arena leaves its entries in the kernel tables, over frames that others get.',
  breaks: 'destroyed-arenas-leave-nothing',
  source: 'plausible: free_vm_area() before the walk',
  plant({ arenas }) {
    const { newWindow } = arenas;
    arenas.newWindow = (first) => {
      const window = newWindow.call(arenas, first);
      window.clearAll = () => {};
      return window;
    };
  },
});

const bandEndsEarly = fault<ArenaWorld>({
  ...HERE,
  name: 'destruction-misses-last-pages',
  story: 'The walk of a destroyed arena ends sixteen pages before the end of the band: the pages there leak.',
  breaks: 'references-count-the-holders',
  source: 'the patch set of February 2024 walked KERN_VM_SZ - GUARD_SZ / 2 from the wrong start',
  plant({ arenas }) {
    const { newWindow } = arenas;
    arenas.newWindow = (first) => {
      const window = newWindow.call(arenas, first);
      window.freedEnd = () => 2 ** 20 - 16;
      return window;
    };
  },
});

/** Bugs of mappings, faults, addresses and of the object's life. */
export const arenaUserFaults: readonly Fault<ArenaWorld>[] = [
  crossingRangeAccepted,
  programLoadedWithoutAddress,
  offsetWraps,
  nullByWholeRegister,
  flagOfCastIgnored,
  faultReportForgotten,
  forkCopiesArea,
  areaMaySplit,
  recordOutlivesArea,
  rangeForgottenAtUnmap,
  pageWithoutReference,
  flagOfFaultIgnored,
  faultInByOffset,
  crossingBeforeSize,
  windowLeftBehind,
  bandEndsEarly,
];
