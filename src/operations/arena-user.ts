import { boolean, bytes, integer, made, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
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
import { byteArgument, bytesBeyond, pageArgument, userAddress, wholePageArgument } from './arena-arguments.ts';
import { arenaCall } from './arena-call.ts';
import {
  lengthOf,
  mappedArena,
  mappingProcess,
  mayChange,
  maySee,
  pagesArgument,
  rights,
  rightsArgument,
} from './arena-ranges.ts';
import { carefully } from './careful-caller.ts';
import { failingArgument } from './circumstance.ts';

/** Where a first mapping goes that nothing has fixed yet. */
const homes = {
  page: 0x4900_0000_2000n,
  'near-4g': 0x4900_ffff_e000n,
  null: 0n,
  'kernel-half': 0xffff_8880_0000_0000n,
} as const;

/** More pages to populate at once are a matter of time, not of behaviour. */
const MOST_POPULATED = 600;

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
    page: carefully(wholePageArgument, () => 0),
    pages: pagesArgument,
    home: carefully(oneOf(['page', 'near-4g', 'null', 'kernel-half'], { default: 'page' }), ({ random }) =>
      random.pick(['page', 'page', 'near-4g'] as const),
    ),
    rights: rightsArgument,
    type: carefully(oneOf(['shared', 'validate', 'private', 'none'], { default: 'shared' }), ({ random }) =>
      random.chance(0.9) ? 'shared' : 'validate',
    ),
    byte: bytesBeyond,
    more_bytes: bytesBeyond,
    offset_bytes: bytesBeyond,
    placement: carefully(oneOf(['fixed', 'hint', 'no-replace'], { default: 'fixed' }), ({ random }) =>
      random.chance(0.7) ? 'fixed' : random.pick(['hint', 'no-replace'] as const),
    ),
    offset: carefully(integer({ min: 0, max: 2, default: 0 }), () => 0),
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
  readonly type: 'shared' | 'validate' | 'private' | 'none';
  readonly byte: number;
  readonly more_bytes: number;
  readonly offset_bytes: number;
  readonly placement: 'fixed' | 'hint' | 'no-replace';
  readonly offset: number;
  readonly populate: boolean;
}

/** What mmap(2) is given. */
function mmapArguments(arena: ArenaMapping, request: MmapChoices): MmapArguments {
  const { userStart } = arena.arena;
  const home = userStart === 0n ? homes[request.home] : userAddress(arena.arena, request.page);
  const placed = { fixed: MAP_FIXED, hint: 0, 'no-replace': MAP_FIXED_NOREPLACE }[request.placement];
  const type = { shared: 1, private: 2, validate: 3, none: 0 }[request.type];
  return {
    address: BigInt.asUintN(64, home + BigInt(request.byte)),
    length: BigInt.asUintN(64, BigInt(lengthOf(arena, request.pages)) * 4096n + BigInt(request.more_bytes)),
    protection: rights[request.rights],
    flags: type | placed | (request.populate ? MAP_POPULATE : 0),
    offset: BigInt(request.offset) * 4096n + BigInt(request.offset_bytes),
  };
}

const userRead = operation({
  name: 'process_vm_readv',
  does: 'Reads user memory as ptrace does, faulting pages in; up to the first page that cannot be had.',
  weight: 3,
  takes: {
    process: mappingProcess,
    arena: mappedArena,
    page: wholePageArgument,
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
    process: mappingProcess,
    arena: mappedArena,
    page: wholePageArgument,
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
    process: mappingProcess,
    arena: mappedArena,
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

export const arenaUserOperations = [fork, exit, mmap, userRead, userWrite] as const;

/** A fault in its two steps, between which others run. */
export const arenaFaultOperations = [beginFault, finishFault] as const;
