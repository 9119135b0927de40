import { boolean, integer } from '../language/argument.ts';
import type { World } from '../model/world.ts';

/** The CPU that performs a step; `ready` must ask {@link cpuExists}. */
export const cpuArgument = integer({
  min: 0,
  max: 63,
  default: 0,
  typical: ({ random, world }) => random.below((world as World).machine.cpus.length),
});

export const cpuExists = (world: World, cpu: number): boolean => cpu < world.machine.cpus.length;

/** Which of the step's internal allocations and permission changes fails: the n-th it reaches; 0 is none. */
const failingAmong = (counts: readonly number[], probability = 0.2) =>
  integer({
    min: 0,
    max: 64,
    default: 0,
    typical: ({ random }) => (random.chance(probability) ? random.between(1, random.pick(counts)) : 0),
  });

export const failingArgument = failingAmong([8]);

/** The same for steps of a few allocations: fresh text needs four. */
export const failingEarlyArgument = failingAmong([1, 4, 4, 8]);

/** The same for changes of permissions, which need a page table only where a large page is to be split. */
export const failingSplitArgument = failingAmong([1, 1, 2, 8], 0.3);

/** The same for a step in which only the copy into text can fail: rare, because every kernel has a known bug there. */
export const failingCopyArgument = integer({
  min: 0,
  max: 64,
  default: 0,
  typical: ({ random }) => (random.chance(0.015) ? 1 : 0),
});

/** Whether the caller may exceed the limit of executable memory (bpf_capable()). */
export const capableArgument = boolean({ default: true });
