import { expect, test } from 'vitest';
import {
  fault,
  integer,
  invariant,
  Journal,
  operation,
  parseTrace,
  performTrace,
  printTrace,
  refuse,
  runSuite,
  shrink,
  suite,
} from '../../src/roxcheck.ts';

class Tank {
  readonly journal = new Journal();
  litres = 0;
  holds = (more: number): boolean => this.litres + more <= 50;
}

const tank = suite({
  name: 'tank',
  about: 'A tank that must not run over.',
  kernels: ['any'],
  boot: () => new Tank(),
  operations: [
    operation({
      name: 'pour',
      does: 'Pours; refused when it would run over.',
      takes: { litres: integer({ min: 1, max: 30 }) },
      apply(world: Tank, { litres }) {
        if (!world.holds(litres)) return refuse('-ENOSPC');
        world.journal.set(world, 'litres', world.litres + litres);
        return world.litres;
      },
    }),
  ],
  invariants: [
    invariant<Tank>({
      name: 'never-over',
      law: 'The tank never runs over.',
      judge: ({ litres }, violated) => litres > 50 && violated(`${litres} litres`),
    }),
  ],
  faults: [
    fault<Tank>({
      name: 'no-gauge',
      story: 'Nobody looks.',
      breaks: 'never-over',
      kernel: 'any',
      suite: 'tank',
      source: 'made up',
      plant(world) {
        world.holds = () => true;
      },
    }),
  ],
  runs: 20,
  steps: 20,
});

const options = { kernel: 'any', machine: {}, seed: 'door', runs: 20, steps: 20 };

test('a suite holds, and under its fault a failure is found, shrunk, printed, parsed and performed', async () => {
  expect((await runSuite(tank, options)).verdict).toBe('holds');
  const { failure } = await runSuite(tank, { ...options, fault: 'no-gauge' });
  const { trace } = shrink(tank, failure!.trace);
  expect(trace.steps.length).toBeLessThanOrEqual(4);
  const read = parseTrace(printTrace(trace), [tank]);
  expect(performTrace(tank, read)).toMatchObject({ kind: 'violates', violation: { law: 'never-over' } });
  expect(performTrace(tank, read, { fault: undefined })).toMatchObject({ kind: 'holds' });
});
