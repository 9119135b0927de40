import type { AnySuite } from '../../language/suite.ts';
import { arenaSuites } from './arena.ts';
import { arenaUseCases } from './arena-use-cases.ts';
import { bootSuite } from './boot.ts';
import { coreRecordSuite, coreRelocationSuite } from './core-relocation.ts';
import { dispatcherSuite, sharedTextDispatcherSuite } from './dispatcher.ts';
import { execmemProposalSuite, execmemSelftestSuite } from './execmem-proposal.ts';
import { pageAttributesSuite, smallPageAttributesSuite } from './page-attributes.ts';
import { perProgramTextSuite } from './per-program-text.ts';
import { progPackSuite } from './prog-pack.ts';
import { progPackIntroductionSuite } from './prog-pack-introduction.ts';
import { progPackLengthsSuite } from './prog-pack-lengths.ts';
import { roxCacheSuite } from './rox-cache.ts';
import { textPokeSuite } from './text-poke.ts';
import { textSelftestSuite } from './text-selftest.ts';
import { vmallocSuite } from './vmalloc.ts';
import { vmallocTextSuite } from './vmalloc-text.ts';
import { wholeSuite } from './whole.ts';

/** Every suite of the project, in the order in which the main job runs them. */
export const allSuites: readonly AnySuite[] = [
  bootSuite,
  pageAttributesSuite,
  smallPageAttributesSuite,
  vmallocSuite,
  textPokeSuite,
  progPackSuite,
  progPackLengthsSuite,
  dispatcherSuite,
  progPackIntroductionSuite,
  perProgramTextSuite,
  coreRelocationSuite,
  coreRecordSuite,
  ...arenaSuites,
  ...arenaUseCases,
  execmemProposalSuite,
  execmemSelftestSuite,
  roxCacheSuite,
  vmallocTextSuite,
  sharedTextDispatcherSuite,
  textSelftestSuite,
  wholeSuite,
];
