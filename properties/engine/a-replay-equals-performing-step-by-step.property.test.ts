import { expect, test } from 'vitest';
import { Random } from '../../src/base/seed.ts';
import { Walk } from '../../src/engine/generate.ts';
import { Session } from '../../src/engine/session.ts';
import { StepColumns } from '../../src/engine/step-columns.ts';
import { progPackSuite } from '../../src/lab/suites/prog-pack.ts';
import type { AnySuite } from '../../src/language/suite.ts';
import { takenChunksAreOwned } from './toy/laws.ts';
import { toySuite } from './toy/suite.ts';

const onlyStates = toySuite({ invariants: [takenChunksAreOwned] });

test.each<[string, AnySuite, string | undefined]>([
  ['the toy', toySuite(), undefined],
  ['the toy with laws about states alone', onlyStates, undefined],
  ['a failing toy', toySuite(), 'leak-after-1-cycles'],
  ['a failing toy with laws about states alone', onlyStates, 'stale-hole-1'],
  ['program packs', progPackSuite, undefined],
])('performing recorded steps of %s in one loop shows what performing them one by one shows', (_name, suite, fault) => {
  const session = new Session(suite, { kernel: suite.kernels[0]!, fault });
  const [one, other] = [session, new Session(suite, { kernel: suite.kernels[0]!, fault })];
  for (let number = 0; number < 12; number++) {
    const walk = new Walk(session, new Random(`replay ${number}`), 150);
    while (!walk.advance(150));
    // Every third step is left out, so that results are missing and steps make no sense.
    const steps = number % 2 === 0 ? walk.steps : walk.steps.filter((_step, index) => index % 3 !== 1);
    const columns = StepColumns.of(session.operations, steps);
    expect(StepColumns.of(session.operations, columns.steps()).steps()).toEqual(columns.steps());
    const before = [counted(one), counted(other)];
    const outcome = one.replay(columns);
    other.reset();
    let last = 'ok';
    for (const step of columns.steps()) {
      if (other.violation !== undefined) break;
      const now = other.perform(step);
      if (now !== 'not-ready') last = now;
    }
    expect(one.violation).toEqual(other.violation);
    expect(one.knownBug).toBe(other.knownBug);
    expect(one.stepCount).toBe(other.stepCount);
    if (one.violation !== undefined) expect(outcome).toBe(last);
    expect(difference(counted(one), before[0]!)).toEqual(difference(counted(other), before[1]!));
  }
});

/** How often each operation succeeded and was refused, and how often each law judged. */
function counted(session: Session): ReadonlyMap<string, number> {
  const operations = [...session.operationCounts()].flatMap(([name, { ok, refused }]) => [
    [`${name} ok`, ok] as const,
    [`${name} refused`, refused] as const,
  ]);
  return new Map([...operations, ...session.judged()]);
}

function difference(now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>): unknown {
  return [...now].map(([name, count]) => [name, count - before.get(name)!]);
}
