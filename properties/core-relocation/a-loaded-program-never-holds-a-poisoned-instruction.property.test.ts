import { expect, test } from 'vitest';
import type { CoreInput } from '../../src/conform/core-case.ts';
import { lateOutcome } from '../../src/conform/core-recording.ts';
import { RecordedTargets, targetLines } from '../../src/conform/core-targets.ts';
import { ProgramImage } from '../../src/model/bpf/core-relocation/image.ts';
import { POISON_CALL } from '../../src/model/bpf/core-relocation/patch.ts';
import { KERNEL_6_18 } from '../../src/model/bpf/core-relocation/policy.ts';
import { goldenCompanions, goldenLines } from './golden-files.ts';

const lines = goldenLines('core-late-derived.jsonl.gz') as
  | readonly (CoreInput & { readonly late: { readonly patched?: string; readonly xlated?: string } })[]
  | undefined;

const POISON = '850000001023ad0b';

/** A record that found nothing may sit in code no path reaches; that code is cut out of the program that runs. */
test.skipIf(lines === undefined)('a loaded program never holds a poisoned instruction', () => {
  const targets = new RecordedTargets(targetLines(goldenCompanions));
  let cut = 0;
  const poisoned: string[] = [];
  for (const line of lines!) {
    const outcome = lateOutcome(line, targets, KERNEL_6_18);
    if (outcome.kind !== 'loaded') continue;
    const image = new ProgramImage(outcome.image);
    const isPoison = (index: number) =>
      image.opcode(index) === 0x85 && image.source(index) === 0 && image.immediate(index) === POISON_CALL;
    for (let index = 0; index < image.length; index++) if (isPoison(index)) poisoned.push(line.name);
    if (line.late.patched?.includes(POISON) && line.late.xlated !== undefined) cut += 1;
  }
  expect(poisoned).toEqual([]);
  expect(cut).toBeGreaterThan(0);
});
