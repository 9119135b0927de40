import { expect, test } from 'vitest';
import { fromHex } from '../../src/base/bytes.ts';
import { RecordedTargets, targetLines } from '../../src/conform/core-targets.ts';
import { compareObject } from '../../src/model/bpf/core-relocation/compare-object.ts';
import { openObject } from '../../src/model/bpf/core-relocation/object-from-elf.ts';
import { isRefusal } from '../../src/model/bpf/core-relocation/refusal.ts';
import { goldenCompanions, goldenLines } from './golden-files.ts';

const lines = goldenLines('light-skeleton-layout.jsonl.gz') as
  | readonly { readonly name: string; readonly elf: string; readonly early: { readonly err: number } }[]
  | undefined;

/** Real objects: the direct load fails exactly where some record is refused, and light skeletons differ where libbpf alone is strict. */
test.skipIf(lines === undefined)('a comparison shows where a light skeleton differs', () => {
  const targets = new RecordedTargets(targetLines(goldenCompanions));
  let records = 0;
  let different = 0;
  for (const { elf, early } of lines!) {
    const object = openObject(fromHex(elf)!);
    if (isRefusal(object)) throw new Error(object.reason);
    const compared = compareObject(object, targets);
    if (isRefusal(compared)) throw new Error(compared.reason);
    records += compared.length;
    expect(compared.some((comparison) => isRefusal(comparison.early))).toBe(early.err !== 0);
    const unlike = compared.filter(({ same }) => !same);
    different += unlike.length;
    for (const { early: one, late: other } of unlike)
      expect([isRefusal(one), other.kind]).toEqual([true, 'not-loaded']);
  }
  expect(records).toBeGreaterThan(1000);
  expect(different).toBeGreaterThan(0);
});
