import { integer, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import { adviseMemory, lockMemory, unlockMemory } from '../model/kernel/user-memory/advise-memory.ts';
import { MAP_FIXED, MAP_PRIVATE, mapMemory } from '../model/kernel/user-memory/map-memory.ts';
import type { Process } from '../model/kernel/user-memory/process.ts';
import { bytesBeyond, userAddress, wholePageArgument } from './arena-arguments.ts';
import { mappedArena, mappingProcess } from './arena-ranges.ts';
import { carefully } from './careful-caller.ts';
import { failingArgument } from './circumstance.ts';

/** Advice by name: what arenas answer differs for each; 99 is no advice. */
const advices = {
  willneed: 3,
  dontneed: 4,
  free: 8,
  remove: 9,
  dontfork: 10,
  dofork: 11,
  'populate-read': 22,
  'populate-write': 23,
  unknown: 99,
} as const;

/** Bytes of a range, also none, parts of pages, and so many that the end wraps. */
const bytesArgument = carefully(
  integer({
    min: 0,
    max: 2 ** 53 - 1,
    default: 4096,
    boundaries: [1, 4095, 4097, 8192, 65_536],
    typical: ({ random }) => random.below(20_000),
  }),
  ({ random }) => random.between(1, 5) * 4096,
);

/** More pages to touch at once are a matter of time, not of behaviour. */
const MOST_PAGES = 600;

const range = {
  process: mappingProcess,
  arena: mappedArena,
  page: wholePageArgument,
  byte: bytesBeyond,
  bytes: bytesArgument,
};

interface Range {
  readonly process: Process;
  readonly arena: ArenaMapping;
  readonly page: number;
  readonly byte: number;
  readonly bytes: number;
}

/** Whether the process can be asked, and few pages are mapped in the range: however long that is. */
function isReasonable(_: ArenaWorld, { process, arena, page, byte, bytes }: Range): boolean {
  if (process.exited || process.faultsInFlight > 0) return false;
  if (bytes <= MOST_PAGES * 4096) return true;
  const first = Number(userAddress(arena.arena, page, byte) >> 12n);
  const end = first + Math.ceil(bytes / 4096);
  const mapped = process.areas.map((area) => Math.min(area.end, end) - Math.max(area.first, first));
  return mapped.reduce((sum, pages) => sum + Math.max(0, pages), 0) <= MOST_PAGES;
}

const answered = (errno: string | undefined) => (errno === undefined ? 0 : refuse(errno));

const madvise = operation({
  name: 'madvise',
  does: 'Advises about a range of bytes (mm/madvise.c).',
  weight: 0.3,
  takes: {
    ...range,
    advice: oneOf([
      'dontneed',
      'willneed',
      'free',
      'remove',
      'dontfork',
      'dofork',
      'populate-read',
      'populate-write',
      'unknown',
    ]),
    failing: failingArgument,
  },
  // MADV_DOFORK undoes what keeps a mapping out of a child; nobody has recorded what a fork does then.
  ready: (world: ArenaWorld, taken) => isReasonable(world, taken) && taken.advice !== 'dofork',
  apply: ({ failing: plan }: ArenaWorld, { process, arena, page, byte, bytes, advice, failing }) =>
    answered(
      plan.during(failing, () =>
        adviseMemory(process, userAddress(arena.arena, page, byte), BigInt(bytes), advices[advice]),
      ),
    ),
});

const mlock = operation({
  name: 'mlock',
  does: 'Locks a range, which faults it in; the mapping of an arena is never marked (mm/mlock.c).',
  weight: 0.2,
  takes: { ...range, failing: failingArgument },
  ready: isReasonable,
  apply: ({ failing: plan }: ArenaWorld, { process, arena, page, byte, bytes, failing }) =>
    answered(plan.during(failing, () => lockMemory(process, userAddress(arena.arena, page, byte), BigInt(bytes)))),
});

const munlock = operation({
  name: 'munlock',
  does: 'Unlocks a range (mm/mlock.c).',
  weight: 0.1,
  takes: range,
  ready: isReasonable,
  apply: (_: ArenaWorld, { process, arena, page, byte, bytes }) =>
    answered(unlockMemory(process, userAddress(arena.arena, page, byte), BigInt(bytes))),
});

const mmapOver = operation({
  name: 'mmap_anonymous',
  does: 'Maps private memory at a fixed address: over all of an arena, or over a part, which would split it (mm/mmap.c).',
  weight: 0.1,
  takes: {
    ...range,
    page: carefully(integer({ min: 0, max: 64, default: 0 }), ({ random }) => random.below(3)),
  },
  ready: (world: ArenaWorld, taken) => isReasonable(world, taken) && taken.arena.arena.userStart !== 0n,
  apply(_: ArenaWorld, { process, arena, page, byte, bytes }) {
    const answer = mapMemory(process, undefined, {
      address: userAddress(arena.arena, page, byte),
      length: BigInt(bytes),
      protection: 3,
      flags: MAP_PRIVATE | MAP_FIXED,
      offset: 0n,
    });
    return typeof answer === 'string' ? refuse(answer) : answer;
  },
});

/** What user space does to a mapping besides mapping it: arguments are bytes, and wrong ones among them. */
export const arenaAdviseOperations = [madvise, mlock, munlock, mmapOver] as const;
