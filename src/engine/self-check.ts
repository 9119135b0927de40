import type { Random } from '../base/seed.ts';
import { Refusal } from '../language/operation.ts';
import type { JournaledWorld, Suite } from '../language/suite.ts';
import type { Step } from '../language/trace.ts';
import { randomOfRun, Walk } from './generate.ts';
import { Session, type SessionOptions } from './session.ts';
import { valueText } from './step-text.ts';

/**
 * What the engine takes for granted about a suite, checked by running it: that its domains name everything a step can have
 * concerned, and that its world keeps all its state in the journal. Every suite's own tests should ask both.
 */
export interface SelfCheckOptions extends SessionOptions {
  readonly seed: string;
  readonly runs: number;
  readonly steps: number;
}

/** A law that judging everything finds broken after the last of the steps, and judging what changed does not; or the reverse. */
export interface Oversight {
  readonly law: string;
  readonly missedBy: 'judging what changed' | 'judging everything';
  readonly steps: readonly Step[];
}

/** The first law whose domain lists too little or too much; undefined when "only what changed" equals "everything". */
export function firstOversight<World extends JournaledWorld>(
  suite: Suite<World>,
  options: SelfCheckOptions,
): Oversight | undefined {
  const session = new Session(suite, options);
  const aboutSteps = new Set(suite.invariants.filter((law) => 'judgeStep' in law).map(({ name }) => name));
  for (let number = 0; number < options.runs; number++) {
    const walk = new Walk(session, randomOf(suite, options, number), options.steps);
    for (let ended = false; !ended; ) {
      ended = walk.advance(1);
      if (walk.length === 0) break;
      const changed = session.broken.map(({ law }) => law).filter((law) => !aboutSteps.has(law));
      const everything = session.judgeEverything().map(({ law }) => law);
      const missed = everything.find((law) => !changed.includes(law));
      if (missed !== undefined) return { law: missed, missedBy: 'judging what changed', steps: walk.steps };
      const invented = changed.find((law) => !everything.includes(law));
      if (invented !== undefined) return { law: invented, missedBy: 'judging everything', steps: walk.steps };
    }
  }
  return undefined;
}

/** A step that went differently after some steps, or all, had been undone. */
export interface Trail {
  readonly steps: readonly Step[];
  readonly step: number;
  readonly first: string;
  readonly again: string;
}

/** The first step that shows state outside of the journal; undefined when undoing is the identity as far as steps can tell. */
export function firstTrail<World extends JournaledWorld>(
  suite: Suite<World>,
  options: SelfCheckOptions,
): Trail | undefined {
  const session = new Session(suite, options);
  for (let number = 0; number < options.runs; number++) {
    const random = randomOf(suite, options, number);
    const { steps } = walkToEnd(session, random, options.steps);
    if (steps.length === 0) continue;
    session.reset();
    const positions: number[] = [];
    const first = steps.map((step) => {
      positions.push(session.position);
      return performedText(session, step);
    });
    for (const start of [random.below(steps.length), 0]) {
      if (!session.undoTo(positions[start]!, start)) session.reset();
      for (let step = session.stepCount; step < steps.length; step++) {
        const again = performedText(session, steps[step]!);
        if (again !== first[step]) return { steps, step, first: first[step]!, again };
      }
    }
  }
  return undefined;
}

function walkToEnd<World extends JournaledWorld>(session: Session<World>, random: Random, steps: number): Walk<World> {
  const walk = new Walk(session, random, steps);
  while (!walk.advance(steps));
  return walk;
}

function randomOf<World extends JournaledWorld>(
  suite: Suite<World>,
  options: SelfCheckOptions,
  number: number,
): Random {
  return randomOfRun({ seed: options.seed, suite: suite.name, kernel: options.kernel, number });
}

/** Outcome, answer and broken laws of a step, as far as they can be compared. */
function performedText<World extends JournaledWorld>(session: Session<World>, step: Step): string {
  const outcome = session.perform(step);
  if (outcome === 'not-ready') return outcome;
  const { operation, taken, returned } = session.happened;
  const laws = session.broken.map(({ law, evidence }) => `${law}: ${evidence.join(' ')}`).join('; ');
  if (returned instanceof Refusal) return `${outcome} ${returned.answer} ${laws}`;
  const shown = operation.makes === undefined ? returned : operation.shows?.(session.world, taken, returned);
  return `${outcome} ${valueText(shown)} ${laws}`;
}
