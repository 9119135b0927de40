import type { JournaledWorld } from '../language/suite.ts';
import type { Session } from './session.ts';
import type { Violation } from './verdict.ts';

/**
 * What makes two failures the same: the law, the operation, what the kernel answered, the kernel bug that it is known to be,
 * and the kinds of state that the failing step changed. A shrinker that kept less would slip from one bug to another.
 */
export interface Identity extends Pick<Violation, 'law' | 'operation' | 'answer' | 'changed'> {
  readonly knownBug: string | undefined;
}

/** The failure that the session's last step ended in; undefined when it broke no law. */
export function identityOf<World extends JournaledWorld>({
  violation,
  knownBug,
}: Session<World>): Identity | undefined {
  if (violation === undefined) return undefined;
  return { ...violation, knownBug };
}

/**
 * Whether a simpler trace shows the same failure. Its last step may change fewer kinds of state, since what goes on beside a
 * failure is what shrinking takes away; a kind that the original did not change tells of another one.
 */
export function showsSame(simpler: Identity | undefined, original: Identity): boolean {
  return (
    simpler !== undefined &&
    simpler.law === original.law &&
    simpler.operation === original.operation &&
    simpler.answer === original.answer &&
    simpler.knownBug === original.knownBug &&
    simpler.changed.every((kind) => original.changed.includes(kind))
  );
}
