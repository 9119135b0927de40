import type { AnySuite } from '../../language/suite.ts';
import { dispatcherSuite } from './dispatcher.ts';
import { perProgramTextSuite } from './per-program-text.ts';
import { progPackSuite } from './prog-pack.ts';
import { progPackIntroductionSuite } from './prog-pack-introduction.ts';
import { progPackLengthsSuite } from './prog-pack-lengths.ts';

/** Every suite of the project, in the order in which the main job runs them. */
export const allSuites: readonly AnySuite[] = [
  progPackSuite,
  progPackLengthsSuite,
  dispatcherSuite,
  progPackIntroductionSuite,
  perProgramTextSuite,
];
