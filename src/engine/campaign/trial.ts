import { ModelBug } from '../../base/assert.ts';
import type { AnySuite } from '../../language/suite.ts';
import { randomOfRun, Walk } from '../generate.ts';
import { Session } from '../session.ts';
import { shrinkOn } from '../shrink.ts';

/** Attempts to find one planted bug. */
export interface Trials {
  readonly kernel: string;
  /** Undefined for a mutant, which `prepare` lets err. */
  readonly fault?: string | undefined;
  readonly prepare?: (session: Session) => void;
  /** One for each attempt. */
  readonly seeds: readonly string[];
  /** After so many steps the bug counts as not found. */
  readonly steps: number;
}

/**
 * `solved`: a law broke. `stopped`: the model's own assertions did, which no law can take credit for. `survived`: neither,
 * within the steps. `hung`: no answer in time; it counts as survived.
 */
export type TrialResult =
  | { readonly kind: 'solved'; readonly law: string; readonly steps: number; readonly shrunk: number }
  | { readonly kind: 'stopped'; readonly reason: string }
  | { readonly kind: 'survived' | 'hung' };

/** Attempts with each seed in turn. */
export async function performTrials(
  suite: AnySuite,
  { kernel, fault, prepare, seeds, steps }: Trials,
  breathe: () => Promise<void> | undefined,
): Promise<readonly TrialResult[]> {
  const results: TrialResult[] = [];
  let session: Session | undefined;
  for (const seed of seeds) {
    try {
      if (session === undefined) {
        session = new Session(suite, { kernel, fault });
        prepare?.(session);
      }
      results.push(await attempt(suite, session, { kernel, seed, steps }, breathe));
    } catch (error) {
      if (!(error instanceof ModelBug)) throw error;
      results.push({ kind: 'stopped', reason: error.message.split('\n', 1)[0]! });
      // A step that stopped half way leaves a world that nobody can trust.
      session = undefined;
    }
  }
  return results;
}

/** Generates numbered traces until a law breaks or the steps are used up. */
async function attempt(
  suite: AnySuite,
  session: Session,
  { kernel, seed, steps: most }: { readonly kernel: string; readonly seed: string; readonly steps: number },
  breathe: () => Promise<void> | undefined,
): Promise<TrialResult> {
  const fresh = session.violation;
  if (fresh?.step === -1) return { kind: 'solved', law: fresh.law, steps: 0, shrunk: 0 };
  let steps = 0;
  for (let number = 0; steps < most; number++) {
    const walk = new Walk(session, randomOfRun({ seed, suite: suite.name, kernel, number }), suite.steps);
    while (!walk.advance(Math.min(PORTION, most - steps - walk.length)) && steps + walk.length < most) await breathe();
    steps += Math.max(1, walk.length);
    if (walk.outcome !== 'violates') continue;
    const { law } = session.violation!;
    const stop = () => {
      void breathe();
      return false;
    };
    const minimal = shrinkOn(session, { header: {}, steps: walk.steps }, { stop });
    return { kind: 'solved', law, steps, shrunk: minimal.trace.steps.length };
  }
  return { kind: 'survived' };
}

const PORTION = 64;
