import type { Random } from '../../base/seed.ts';
import type { PackStepObservation } from './prog-pack-observation.ts';
import type { ProgPackObserver } from './prog-pack-observer.ts';
import { LONGEST_CODE_BYTES } from './sized-program.ts';

/**
 * A sequence of loads and closes before anybody has performed it. It names nothing that a step before it makes, so any step
 * can be left out of it and what remains is still a plan: that is what shrinking needs.
 */
export type PlannedStep =
  | { readonly kind: 'load' /** Beyond the shortest program: 0, or 2 and more. */; readonly extraBytes: number }
  | {
      readonly kind: 'close' /** Each chooses one of the programs that are loaded then, by position modulo their number. */;
      readonly choices: readonly number[];
    };

/** Draws a plan of at most so many steps. Most programs are as small as real ones, some fill a good part of a pack. */
export function drawPlan(random: Random, mostSteps: number): readonly PlannedStep[] {
  return Array.from({ length: random.between(1, mostSteps) }, () => {
    if (random.chance(0.25)) {
      return { kind: 'close', choices: Array.from({ length: random.between(1, 4) }, () => random.below(64)) };
    }
    const most = random.pick([60, 400, 400, 4_000, 40_000, LONGEST_CODE_BYTES - 100]);
    const extraBytes = random.below(most);
    return { kind: 'load', extraBytes: extraBytes === 1 ? 0 : extraBytes };
  });
}

/**
 * Performs a plan on the running kernel, then closes what is left. The observations of every step that did something; throws
 * Disturbed where others interfered.
 */
export function performPlan(observer: ProgPackObserver, plan: readonly PlannedStep[]): readonly PackStepObservation[] {
  observer.begin();
  const steps: PackStepObservation[] = [];
  const loaded = () => steps.at(-1)?.live.map(({ id }) => id) ?? [];
  for (const step of plan) {
    const ids = loaded();
    if (step.kind === 'load') steps.push(observer.load(observer.shortest + step.extraBytes));
    else if (ids.length > 0)
      steps.push(observer.close([...new Set(step.choices.map((one) => ids[one % ids.length]!))]));
  }
  const left = loaded();
  if (left.length > 0) steps.push(observer.close(left));
  return steps;
}
