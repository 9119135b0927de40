import type { AnySuite } from '../../language/suite.ts';

/** Every suite of the project, in the order in which the main job runs them. */
export const allSuites: readonly AnySuite[] = [];
