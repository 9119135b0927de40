import { expect, test } from 'vitest';
import { performTrials } from '../../src/engine/campaign/trial.ts';
import { coreRecordSuite } from '../../src/lab/suites/core-relocation.ts';

/** Simpler values of a step that several steps share can make the trace fail, and so end, before some of them. */
test('shrinking goes on where an accepted value has taken away steps that it was about to look at', async () => {
  const { name: fault, kernel } = coreRecordSuite.faults!.find(({ name }) => name === 'record-shifted-twice')!;
  const seeds = [7, 8, 9].map((trial) => `score/${fault}/${trial}`);
  const results = await performTrials(coreRecordSuite, { kernel, fault, seeds, steps: 20_000 }, () => undefined);
  for (const result of results) expect(result).toMatchObject({ kind: 'solved', law: 'records-lie-in-their-program' });
});
