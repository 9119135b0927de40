import { arenaLaws } from '../../invariants/arena/arena-laws.ts';
import {
  heapObjectsAreDisjoint,
  heapObjectsKeepTheirBytes,
} from '../../invariants/arena/heap-objects-keep-their-bytes.ts';
import { lookupsFindWhatWasStored } from '../../invariants/arena/lookups-find-what-was-stored.ts';
import { usersWalkWhatProgramsLinked } from '../../invariants/arena/users-walk-what-programs-linked.ts';
import { suite } from '../../language/suite.ts';
import { arenaHeapOperations } from '../../operations/arena-heap.ts';
import { arenaKeyValueOperations } from '../../operations/arena-key-value.ts';
import { arenaLinkedOperations } from '../../operations/arena-linked.ts';
import { bootArenaWorld } from '../boot-arena-world.ts';

const kernels = ['6.18', '6.12', '6.16', '7.0', '7.2', '7.3'];
/** Laws of the state, which hold whoever the arena serves. */
const stateLaws = arenaLaws.filter((law) => 'over' in law && law.over !== undefined);

export const arenaKeyValueSuite = suite({
  name: 'arena-key-value',
  about: 'User space keeps a key/value store in an arena, and programs look keys up.',
  kernels,
  boot: bootArenaWorld,
  operations: arenaKeyValueOperations,
  invariants: [lookupsFindWhatWasStored, ...stateLaws],
  runs: 40,
  steps: 120,
});

export const arenaLinkedSuite = suite({
  name: 'arena-linked',
  about: 'Programs build lists, hash tables and trees in an arena, and user space walks them.',
  kernels,
  boot: bootArenaWorld,
  operations: arenaLinkedOperations,
  invariants: [usersWalkWhatProgramsLinked, ...stateLaws],
  runs: 40,
  steps: 120,
});

export const arenaHeapSuite = suite({
  name: 'arena-heap',
  about: 'An arena is the heap of a program: small objects on free lists, large ones as pages.',
  kernels,
  boot: bootArenaWorld,
  operations: arenaHeapOperations,
  invariants: [heapObjectsKeepTheirBytes, heapObjectsAreDisjoint, ...stateLaws],
  runs: 40,
  steps: 120,
});

/** The use cases of the arena's introduction. */
export const arenaUseCases = [arenaKeyValueSuite, arenaLinkedSuite, arenaHeapSuite] as const;
