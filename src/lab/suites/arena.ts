import { arenaFreeFaults } from '../../faults/arena-frees.ts';
import { arenaLifeFaults } from '../../faults/arena-life.ts';
import { arenaPageFaults } from '../../faults/arena-pages.ts';
import { arenaProgramFaults } from '../../faults/arena-programs.ts';
import { arenaUserFaults } from '../../faults/arena-user.ts';
import { arenaKernelBugs } from '../../invariants/arena/arena-kernel-bugs.ts';
import {
  arenaLaws,
  chargeLaws,
  nodeLaws,
  queuedFreeLaws,
  reservationLaws,
  scratchLaws,
  stageLaws,
} from '../../invariants/arena/arena-laws.ts';
import { arenaOccurrences } from '../../invariants/arena/arena-occurrences.ts';
import type { Fault } from '../../language/fault.ts';
import { suite } from '../../language/suite.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { arenaAccessOperations, arenaKernelTouchOperations } from '../../operations/arena-access.ts';
import { arenaAdviseOperations } from '../../operations/arena-advise.ts';
import { arenaLifeOperations } from '../../operations/arena-life.ts';
import { arenaMappingOperations } from '../../operations/arena-mapping.ts';
import { arenaPageOperations, arenaStageOperations } from '../../operations/arena-pages.ts';
import { arenaFaultOperations, arenaUserOperations } from '../../operations/arena-user.ts';
import { bootArenaWorld } from '../boot-arena-world.ts';

const operations = [
  ...arenaLifeOperations,
  ...arenaPageOperations,
  ...arenaAccessOperations,
  ...arenaUserOperations,
  ...arenaMappingOperations,
  ...arenaAdviseOperations,
];

const faults: readonly Fault<ArenaWorld>[] = [
  ...arenaPageFaults,
  ...arenaFreeFaults,
  ...arenaUserFaults,
  ...arenaProgramFaults,
  ...arenaLifeFaults,
];
const faultsOf = (name: string) => faults.filter(({ suite }) => suite === name);

/** The whole of bpf_arena in kernels that can reserve. */
export const arenaSuite = suite({
  name: 'arena',
  about:
    'BPF programs and processes share arenas: pages, free slots, mappings, faults, accesses and every wrong argument.',
  kernels: ['6.18', '6.17', '6.18.15', '6.19', '7.0', '7.1', '7.2', '7.3'],
  boot: bootArenaWorld,
  operations,
  invariants: [...arenaLaws, ...reservationLaws, ...chargeLaws],
  faults: faultsOf('arena'),
  kernelBugs: arenaKernelBugs,
  occurrences: arenaOccurrences,
  runs: 300,
  steps: 150,
});

/** The same for earlier kernels, from the patch set of February 2024 on. */
export const earlyArenaSuite = suite({
  name: 'arena-early',
  about: 'Arenas in kernels before reservations: the maple tree of allocated slots, then the first range trees.',
  kernels: ['6.12', 'arena-v2', '6.9', '6.13', '6.16'],
  boot: bootArenaWorld,
  operations: [...operations, ...arenaFaultOperations],
  invariants: arenaLaws,
  kernelBugs: arenaKernelBugs,
  runs: 300,
  steps: 150,
});

/** Frees and faults in their stages, and frees that wait for the worker. */
export const arenaInterleavingSuite = suite({
  name: 'arena-interleaving',
  about: 'Frees in stages, queued frees and faults under way meet allocations, mappings and other frees.',
  kernels: ['7.0', '7.1', '7.2', '7.3'],
  boot: bootArenaWorld,
  operations: [...operations, ...arenaStageOperations, ...arenaFaultOperations],
  invariants: [...arenaLaws, ...reservationLaws, ...queuedFreeLaws, ...stageLaws, ...chargeLaws, ...nodeLaws],
  faults: faultsOf('arena-interleaving'),
  kernelBugs: arenaKernelBugs,
  runs: 300,
  steps: 150,
});

/** Helpers that touch arenas, and the scratch page that they find. */
export const arenaScratchSuite = suite({
  name: 'arena-scratch',
  about: 'Kernel code touches arenas too: where no page is, the scratch page stands in until one comes.',
  kernels: ['7.2', '7.3'],
  boot: bootArenaWorld,
  operations: [...operations, ...arenaKernelTouchOperations],
  invariants: [...arenaLaws, ...reservationLaws, ...chargeLaws, ...nodeLaws, ...scratchLaws],
  faults: faultsOf('arena-scratch'),
  kernelBugs: arenaKernelBugs,
  runs: 150,
  steps: 150,
});

/** The suites of arenas. */
export const arenaSuites = [arenaSuite, earlyArenaSuite, arenaInterleavingSuite, arenaScratchSuite] as const;
