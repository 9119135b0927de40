import fc from 'fast-check';
import { expect, test } from 'vitest';
import { performRun } from '../../src/engine/campaign/numbered-run.ts';
import type { CampaignJob, RunsTask, ShrinkTask } from '../../src/engine/campaign/task.ts';
import { Session } from '../../src/engine/session.ts';
import { leakAfterCycles, together, twoPlainPieces } from '../engine/toy/faults.ts';
import { toySuite } from '../engine/toy/suite.ts';
import { campaign, outcome } from './lanes.ts';

const bugs = together(leakAfterCycles(1, 30_000), twoPlainPieces());
const suite = toySuite({ faults: [bugs] });
const job: CampaignJob = {
  suite: suite.name,
  kernel: suite.kernels[0]!,
  machine: {},
  fault: bugs.name,
  seed: 's',
  steps: 60,
};
const jobs = [job, { ...job, seed: 't' }];

test('one, two and eight lanes find the same', async () => {
  const alone = outcome(await campaign([suite], jobs, { runs: 16 }));
  expect(alone[0]!.findings.length).toBeGreaterThan(1);
  for (const lanes of [2, 8]) {
    expect(outcome(await campaign([suite], jobs, { runs: 16, lanes, chance: `${lanes}` }))).toEqual(alone);
  }
});

test('a campaign that is stopped has done a prefix of the same runs', async () => {
  let asked = 0;
  const stopped = await campaign([suite], [job], { runs: 200, lanes: 3, isOver: () => ++asked > 12 });
  const [part] = outcome(stopped);
  expect(part!.runs).toBeGreaterThan(3);
  expect(part!.runs).toBeLessThan(300);
  expect(outcome(await campaign([suite], [job], { runs: part!.runs }))).toEqual([part]);
});

test('what was journalled before a kill, and anything after it, comes to the same end', async () => {
  const whole = await campaign([suite], jobs, { runs: 20, lanes: 2 });
  const end = outcome(whole);
  for (const cut of [0, 1, 7, Math.floor(whole.records.length / 2), whole.records.length - 1, whole.records.length]) {
    const records = whole.records.slice(0, cut);
    const resumed = await campaign([suite], jobs, { runs: 20, lanes: 3, chance: `${cut}`, records });
    expect(outcome(resumed)).toEqual(end);
    // Nothing is done twice.
    expect(resumed.records.length + cut).toBeLessThanOrEqual(whole.records.length + 30);
  }
});

test('a lane that dies once costs nothing', async () => {
  const whole = outcome(await campaign([suite], jobs, { runs: 20 }));
  const deadly = new Set(['runs 3', 'runs 9', 'shrink 4', 'shrink 7']);
  const fail = (task: RunsTask | ShrinkTask) => {
    const [first, count] = task.kind === 'runs' ? [task.first, task.count] : [task.failure.run, 1];
    for (let run = first; run < first + count; run++) {
      if (deadly.delete(`${task.kind} ${run}`)) throw new Error('killed');
    }
  };
  const hurt = await campaign([suite], jobs, { runs: 20, lanes: 2, fail });
  expect(outcome(hurt).map(({ findings, runs }) => ({ findings, runs }))).toEqual(
    whole.map(({ findings, runs }) => ({ findings, runs })),
  );
  expect(hurt.losses[0]).toMatch(
    /^toy on toy, seed "[st]", .*: the worker failed: killed; trying (?:(?:it|each of them) )?once more$/,
  );
});

test('a run that kills its lane twice is named and left out, and the others are done', async () => {
  const fail = (task: { kind: string; first?: number; count?: number }) => {
    if (task.kind === 'runs' && task.first! <= 3 && 3 < task.first! + task.count!) throw new Error('killed');
  };
  const hurt = await campaign([suite], [job], { runs: 20, lanes: 2, fail });
  const [part] = outcome(hurt);
  expect(part!.runs).toBe(20);
  expect(part!.bugs).toEqual(['toy on toy, seed "s", run 3: the worker failed: killed']);
  expect(hurt.losses.at(-1)).toMatch(/run 3: the worker failed: killed again; it is left out$/);
});

test('a failure that cannot be shrunk stays as it was found', async () => {
  const fail = (task: { kind: string }) => {
    if (task.kind === 'shrink') throw new Error('killed');
  };
  const hurt = await campaign([suite], [job], { runs: 5, fail });
  const [{ findings }] = outcome(hurt) as [ReturnType<typeof outcome>[0]];
  expect(findings.length).toBeGreaterThan(0);
  for (const { minimal, first } of findings) expect(minimal).toMatchObject({ executions: 0, trace: first.trace });
});

test('each failure of a run fails the same way when it is performed from the fresh state', async () => {
  const session = new Session(suite, { kernel: 'toy', fault: bugs.name });
  const judge = new Session(suite, { kernel: 'toy', fault: bugs.name });
  let failures = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (number) => {
      const run = await performRun(session, { seed: 'x', suite: suite.name, kernel: 'toy', number, steps: 80 });
      for (const { steps, violation } of run.failures) {
        failures++;
        judge.reset();
        const outcomes = steps.map((step) => judge.perform(step));
        expect(outcomes.slice(0, -1).every((one) => one === 'ok' || one === 'refused')).toBe(true);
        expect(outcomes.at(-1)).toBe('violates');
        expect(judge.violation).toEqual(violation);
      }
    }),
    { numRuns: 50, seed: 7 },
  );
  expect(failures).toBeGreaterThan(30);
});
