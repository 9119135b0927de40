import { boolean, bytes, integer, made, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import { protectMemory, remapMemory, unmapMemory } from '../model/kernel/user-memory/change-mapping.ts';
import {
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_POPULATE,
  type MmapArguments,
  mapMemory,
} from '../model/kernel/user-memory/map-memory.ts';
import type { Process } from '../model/kernel/user-memory/process.ts';
import { readUserMemory, writeUserMemory } from '../model/kernel/user-memory/user-access.ts';
import { type FaultInFlight, UserFaults } from '../model/kernel/user-memory/user-faults.ts';
import { byteArgument, pageArgument, userAddress } from './arena-arguments.ts';
import { arenaCall } from './arena-call.ts';
import { failingArgument } from './circumstance.ts';

/** Pages of a request; 0 stands for the whole arena. */
const pagesArgument = integer({
  min: 0,
  max: 2 ** 21,
  default: 0,
  boundaries: [1, 2 ** 20],
  typical: ({ random }) => (random.chance(0.7) ? 0 : random.between(1, 20)),
});

const rights = { rw: 3, r: 1, none: 0, rx: 5 } as const;
const rightsArgument = oneOf(['rw', 'r', 'none', 'rx'], { default: 'rw' });

/** Where a first mapping goes that nothing has fixed yet. */
const homes = { page: 0x4900_0000_2000n, 'near-4g': 0x4900_ffff_e000n, null: 0n } as const;

/** Where a move of a mapping would go. */
const ELSEWHERE = 0x4a00_0000_0000n;

/** More pages to populate at once are a matter of time, not of behaviour. */
const MOST_POPULATED = 600;

const mayChange = (process: Process): boolean => !process.exited && process.faultsInFlight === 0;
const maySee = (process: Process): boolean => !process.exited;
const lengthOf = ({ arena }: ArenaMapping, pages: number): number =>
  pages === 0 ? arena.userPages || arena.attributes.maxEntries : pages;

const bytesOf = (arena: ArenaMapping, pages: number): bigint => BigInt(lengthOf(arena, pages)) * 4096n;

const fork = operation({
  name: 'fork',
  does: 'Makes a process: a child of another one with copies of its areas, or one with nothing mapped.',
  makes: 'process',
  weight: 0.5,
  takes: { parent: integer({ min: 0, max: 15, default: 0, typical: ({ random }) => random.below(3) }) },
  ready: (world: ArenaWorld, { parent }) => world.processes.length < 4 && parent <= world.processes.length,
  apply(world: ArenaWorld, { parent }) {
    const child = world.newProcess();
    const forked = world.processes.at(parent - 1);
    if (parent > 0 && forked !== child && forked?.exited === false) forked.forkInto(child);
    return child;
  },
  shows: (_: ArenaWorld, __, child) => (child as Process).areas.length,
  // A process of its own stands for a child as long as children inherit nothing.
  syscall: ({ profile }: ArenaWorld, { parent }) =>
    parent > 0 && !profile.areasAreWhole ? undefined : arenaCall({ call: 'new-process' }),
});

const exit = operation({
  name: 'exit_mmap',
  does: 'A process ends; its areas go, the lowest first (mm/mmap.c).',
  ends: 'process',
  weight: 0.15,
  takes: { process: made<Process>('process') },
  ready: (_: ArenaWorld, { process }) => mayChange(process),
  apply: (_: ArenaWorld, { process }) => process.end(),
  syscall: (_: ArenaWorld, { process }) => arenaCall({ call: 'end-process', process }),
});

const mmap = operation({
  name: 'mmap',
  does: 'Maps the arena, or tries to (mm/mmap.c, then kernel/bpf/arena.c).',
  weight: 2,
  takes: {
    process: made<Process>('process'),
    arena: made<ArenaMapping>('arena'),
    page: integer({ min: -16, max: 64, default: 0, typical: ({ random }) => (random.chance(0.9) ? 0 : 1) }),
    pages: pagesArgument,
    home: oneOf(['page', 'near-4g', 'null'], { default: 'page' }),
    rights: rightsArgument,
    type: oneOf(['shared', 'validate', 'private'], { default: 'shared' }),
    placement: oneOf(['fixed', 'hint', 'no-replace'], { default: 'fixed' }),
    offset: integer({ min: 0, max: 2, default: 0, typical: ({ random }) => (random.chance(0.03) ? 1 : 0) }),
    populate: boolean({ default: false, probability: 0.1 }),
    failing: failingArgument,
  },
  ready: (_: ArenaWorld, { process, pages, arena, populate }) =>
    mayChange(process) && (!populate || lengthOf(arena, pages) <= MOST_POPULATED),
  apply({ failing: plan }: ArenaWorld, { process, arena, failing, ...request }) {
    const answer = plan.during(failing, () => mapMemory(process, arena, mmapArguments(arena, request)));
    return typeof answer === 'string' ? refuse(answer) : answer;
  },
  syscall: (_: ArenaWorld, { process, arena, failing, ...request }) =>
    failing > 0 ? undefined : arenaCall({ call: 'mmap', process, arena, ...mmapArguments(arena, request) }),
});

interface MmapChoices {
  readonly page: number;
  readonly pages: number;
  readonly home: keyof typeof homes;
  readonly rights: keyof typeof rights;
  readonly type: 'shared' | 'validate' | 'private';
  readonly placement: 'fixed' | 'hint' | 'no-replace';
  readonly offset: number;
  readonly populate: boolean;
}

/** What mmap(2) is given. */
function mmapArguments(arena: ArenaMapping, request: MmapChoices): MmapArguments {
  const { userStart } = arena.arena;
  const placed = { fixed: MAP_FIXED, hint: 0, 'no-replace': MAP_FIXED_NOREPLACE }[request.placement];
  const type = { shared: 1, private: 2, validate: 3 }[request.type];
  return {
    address: userStart === 0n ? homes[request.home] : userAddress(arena.arena, request.page),
    length: bytesOf(arena, request.pages),
    protection: rights[request.rights],
    flags: type | placed | (request.populate ? MAP_POPULATE : 0),
    offset: BigInt(request.offset) * 4096n,
  };
}

const range = {
  process: made<Process>('process'),
  arena: made<ArenaMapping>('arena'),
  page: pageArgument,
  pages: pagesArgument,
};

const munmap = operation({
  name: 'munmap',
  does: 'Unmaps a range: the whole arena, or a part of it that kernels may refuse (mm/vma.c).',
  weight: 0.5,
  takes: {
    ...range,
    page: integer({ min: 0, max: 64, default: 0, typical: ({ random }) => (random.chance(0.8) ? 0 : 1) }),
  },
  ready: (_: ArenaWorld, { process }) => mayChange(process),
  apply: (_: ArenaWorld, { process, arena, page, pages }) =>
    answered(unmapMemory(process, userAddress(arena.arena, page), bytesOf(arena, pages))),
  syscall: (_: ArenaWorld, { process, arena, page, pages }) =>
    arenaCall({ call: 'munmap', process, address: userAddress(arena.arena, page), length: bytesOf(arena, pages) }),
});

const mprotect = operation({
  name: 'mprotect',
  does: 'Changes the rights of a range (mm/mprotect.c).',
  weight: 0.3,
  takes: { ...range, rights: rightsArgument },
  ready: (_: ArenaWorld, { process }) => mayChange(process),
  apply: (_: ArenaWorld, { process, arena, page, pages, rights: wanted }) =>
    answered(protectMemory(process, userAddress(arena.arena, page), bytesOf(arena, pages), rights[wanted])),
  syscall: (_: ArenaWorld, { process, arena, page, pages, rights: wanted }) =>
    arenaCall({
      call: 'mprotect',
      process,
      address: userAddress(arena.arena, page),
      length: bytesOf(arena, pages),
      protection: rights[wanted],
    }),
});

const mremap = operation({
  name: 'mremap',
  does: 'Shrinks, grows or moves a mapping of an arena, which only shrinking may do (mm/mremap.c).',
  weight: 0.2,
  takes: { ...range, new_pages: pagesArgument, flags: integer({ min: 0, max: 8, default: 0, boundaries: [1, 3, 5] }) },
  ready: (_: ArenaWorld, { process }) => mayChange(process),
  apply(_: ArenaWorld, { process, arena, page, pages, new_pages: newPages, flags }) {
    const request = {
      address: userAddress(arena.arena, page),
      oldLength: bytesOf(arena, pages),
      newLength: bytesOf(arena, newPages),
      flags,
      newAddress: ELSEWHERE,
    };
    const answer = remapMemory(process, request);
    return typeof answer === 'string' ? refuse(answer) : answer;
  },
  syscall: (_: ArenaWorld, { process, arena, page, pages, new_pages: newPages, flags }) =>
    arenaCall({
      call: 'mremap',
      process,
      address: userAddress(arena.arena, page),
      oldLength: bytesOf(arena, pages),
      newLength: bytesOf(arena, newPages),
      flags,
      newAddress: ELSEWHERE,
    }),
});

const zapRange = operation({
  name: 'madvise_dontneed',
  does: 'MADV_DONTNEED: user entries of a range go, as they may at any time (mm/madvise.c).',
  weight: 0.3,
  takes: { ...range },
  ready: (_: ArenaWorld, { process }) => maySee(process),
  apply: (_: ArenaWorld, { process, arena, page, pages }) => {
    const first = Number(userAddress(arena.arena, page) >> 12n);
    process.zap(first, first + Math.min(lengthOf(arena, pages), 2 ** 20));
  },
  syscall: (_: ArenaWorld, { process, arena, page, pages }) => {
    const length = BigInt(Math.min(lengthOf(arena, pages), 2 ** 20)) * 4096n;
    return arenaCall({ call: 'madvise-dontneed', process, address: userAddress(arena.arena, page), length });
  },
});

const userRead = operation({
  name: 'process_vm_readv',
  does: 'Reads user memory as ptrace does, faulting pages in; up to the first page that cannot be had.',
  weight: 3,
  takes: {
    process: made<Process>('process'),
    arena: made<ArenaMapping>('arena'),
    page: pageArgument,
    byte: byteArgument,
    length: integer({
      min: 0,
      max: 65_536,
      default: 8,
      boundaries: [4096],
      typical: ({ random }) => random.pick([1, 8, 8, 5000]),
    }),
    failing: failingArgument,
  },
  ready: (_: ArenaWorld, { process }) => maySee(process),
  apply({ failing: plan }: ArenaWorld, { process, arena, page, byte, length, failing }) {
    const read = plan.during(failing, () => readUserMemory(process, userAddress(arena.arena, page, byte), length));
    return typeof read === 'string' ? refuse(read) : read;
  },
  syscall: (_: ArenaWorld, { process, arena, page, byte, length, failing }) =>
    failing > 0
      ? undefined
      : arenaCall({ call: 'process-read', process, address: userAddress(arena.arena, page, byte), length }),
});

const userWrite = operation({
  name: 'process_vm_writev',
  does: 'Writes user memory as ptrace does, faulting pages in; up to the first page that cannot be had.',
  weight: 2,
  takes: {
    process: made<Process>('process'),
    arena: made<ArenaMapping>('arena'),
    page: pageArgument,
    byte: byteArgument,
    data: bytes({ maxLength: 16 }),
    failing: failingArgument,
  },
  ready: (_: ArenaWorld, { process }) => maySee(process),
  apply({ failing: plan }: ArenaWorld, { process, arena, page, byte, data, failing }) {
    const written = plan.during(failing, () => writeUserMemory(process, userAddress(arena.arena, page, byte), data));
    return typeof written === 'string' ? refuse(written) : written;
  },
  syscall: (_: ArenaWorld, { process, arena, page, byte, data, failing }) =>
    failing > 0
      ? undefined
      : arenaCall({ call: 'process-write', process, address: userAddress(arena.arena, page, byte), bytes: data }),
});

/** A fault has two or three places that can fail. */
const failingFaultArgument = integer({
  min: 0,
  max: 64,
  default: 0,
  typical: ({ random }) => (random.chance(0.3) ? random.between(1, 3) : 0),
});

const beginFault = operation({
  name: 'arena_vm_fault',
  does: 'The fault handler answers with a page and its reference; the entry is not installed yet (mm/memory.c).',
  makes: 'fault',
  weight: 0.5,
  takes: {
    process: made<Process>('process'),
    arena: made<ArenaMapping>('arena'),
    page: pageArgument,
    failing: failingFaultArgument,
  },
  ready: (_: ArenaWorld, { process }) => maySee(process),
  apply({ failing: plan }: ArenaWorld, { process, arena, page, failing }) {
    const address = userAddress(arena.arena, page);
    const fault = plan.during(failing, () => UserFaults.begin(process, Number(address >> 12n)));
    return typeof fault === 'string' ? refuse(fault) : fault;
  },
  shows: () => 0,
});

const finishFault = operation({
  name: 'finish_fault',
  does: 'The page of a fault under way is installed in the user page table (mm/memory.c).',
  ends: 'fault',
  weight: 2,
  takes: { fault: made<FaultInFlight>('fault') },
  apply: (_: ArenaWorld, { fault }) => UserFaults.finish(fault),
});

const answered = (errno: string | undefined) => (errno === undefined ? 0 : refuse(errno));

export const arenaUserOperations = [fork, exit, mmap, munmap, mprotect, mremap, zapRange, userRead, userWrite] as const;

/** A fault in its two steps, between which others run. */
export const arenaFaultOperations = [beginFault, finishFault] as const;
