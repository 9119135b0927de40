import { takenChunksAreOwned } from '../properties/engine/toy/laws.ts';
import { toySuite } from '../properties/engine/toy/suite.ts';
import { ToyWorld } from '../properties/engine/toy/world.ts';
import { Journal } from '../src/base/journal.ts';
import { randomOfRun, Walk } from '../src/engine/generate.ts';
import { Session } from '../src/engine/session.ts';
import type { Suite } from '../src/language/suite.ts';
import type { Step } from '../src/language/trace.ts';

/** The toy as the bench runs it: with the one law that its peer judges too. */
export const journalledToy = toySuite({ invariants: [takenChunksAreOwned] });

/** The toy without a journal: its world is booted anew for each trace. */
export const plainToy = toySuite({
  invariants: [takenChunksAreOwned],
  boot: () => new ToyWorld(new UnjournalledJournal()),
});

/** A journal that keeps nothing and can take nothing back. */
export class UnjournalledJournal extends Journal {
  override record(): void {}
  override undoTo(): boolean {
    return false;
  }
}

/** Generates, performs, judges and records `count` numbered runs; returns the steps performed. */
export function performRuns(suite: Suite<ToyWorld>, numbers: Iterable<number>, longest: number): number {
  const session = new Session(suite, { kernel: 'toy' });
  let steps = 0;
  for (const number of numbers) {
    const walk = new Walk(session, randomOf(number), longest);
    while (!walk.advance(longest));
    steps += walk.length;
  }
  return steps;
}

/** The steps of one numbered run. */
export function stepsOfRun(suite: Suite<ToyWorld>, number: number, longest: number): readonly Step[] {
  const walk = new Walk(new Session(suite, { kernel: 'toy' }), randomOf(number), longest);
  while (!walk.advance(longest));
  return walk.steps;
}

/** Numbers of runs that are as long as they may be and weigh operations as declared, so that lengths can be compared. */
export function* evenRuns(count: number, longest: number): Generator<number> {
  const { mixture } = new Session(plainToy, { kernel: 'toy' });
  for (let number = 0, found = 0; found < count; number++) {
    const { length, choice } = mixture.draw(randomOf(number), longest);
    if (length !== longest || choice !== mixture.declared) continue;
    found++;
    yield number;
  }
}

function randomOf(number: number) {
  return randomOfRun({ seed: 'bench', suite: 'toy', kernel: 'toy', number });
}
