import { Random } from '../../../src/base/seed.ts';
import { Walk } from '../../../src/engine/generate.ts';
import { Session } from '../../../src/engine/session.ts';
import type { Failure } from '../../../src/engine/verdict.ts';
import type { Suite } from '../../../src/language/suite.ts';
import type { Step, Trace } from '../../../src/language/trace.ts';
import { toySuite } from './suite.ts';
import type { ToyWorld } from './world.ts';

/** The steps that a seed generates on the toy, with the session that performed them. */
export function walk(
  seed: string,
  { steps = 100, fault, suite = toySuite() }: { steps?: number; fault?: string; suite?: Suite<ToyWorld> } = {},
): { readonly steps: readonly Step[]; readonly session: Session<ToyWorld> } {
  const session = new Session(suite, { kernel: suite.kernels[0]!, fault });
  const walked = new Walk(session, new Random(seed), steps);
  while (!walked.advance(steps));
  return { steps: walked.steps, session };
}

/** A trace of exactly so many steps: most runs grow to their full length. */
export function longWalk(seed: string, steps: number): readonly Step[] {
  for (let number = 0; ; number++) {
    const walked = walk(`${seed}/${number}`, { steps }).steps;
    if (walked.length === steps) return walked;
  }
}

/** Generates with numbered seeds until a trace breaks a law. */
export function failingTrace(
  seed: string,
  options: { steps: number; fault: string; suite?: Suite<ToyWorld> },
): Omit<Failure, 'run'> {
  for (let number = 0; number < 10_000; number++) {
    const { steps, session } = walk(`${seed}/${number}`, options);
    const { violation } = session;
    if (violation === undefined) continue;
    const trace: Trace = { header: { fault: options.fault }, steps };
    return { trace, violation };
  }
  throw new Error(`no failing trace with ${options.fault}`);
}

/** The whole state of a toy world, to compare. */
export function stateOf(world: ToyWorld): unknown {
  const pieces = world.pieces.map((piece) => ({ ...piece }));
  return { bitmap: [...world.bitmap], pieces, usedChunks: world.usedChunks };
}
