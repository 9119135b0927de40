import { expect, test } from 'vitest';
import type { CoreInput } from '../../src/conform/core-case.ts';
import { lateOutcome } from '../../src/conform/core-recording.ts';
import { RecordedTargets, targetLines } from '../../src/conform/core-targets.ts';
import { KERNEL_6_18 } from '../../src/model/bpf/core-relocation/policy.ts';
import { goldenCompanions, goldenLines } from './golden-files.ts';

const lines = goldenLines('core-late-derived.jsonl.gz') as
  | readonly (CoreInput & { readonly late: { readonly skipped?: string } })[]
  | undefined;

/** Hazard H1: these inputs were never sent to a kernel a second time; the recording says so in place of an outcome. */
test.skipIf(lines === undefined)('the model dies exactly where the kernel would', () => {
  const targets = new RecordedTargets(targetLines(goldenCompanions));
  const dead = lines!.filter((line) => lateOutcome(line, targets, KERNEL_6_18).kind === 'oops').map(({ name }) => name);
  const avoided = lines!.filter(({ late }) => late.skipped?.includes('crashes')).map(({ name }) => name);
  expect(dead).toEqual(avoided);
  expect(dead.length).toBeGreaterThan(10);
});
