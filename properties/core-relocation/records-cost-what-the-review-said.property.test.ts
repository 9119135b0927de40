import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { fromHex } from '../../src/base/bytes.ts';
import { DESCRIPTOR_PROFILES, descriptorMemory } from '../../src/model/bpf/core-relocation/descriptor.ts';
import { openObject } from '../../src/model/bpf/core-relocation/object-from-elf.ts';
import { isRefusal } from '../../src/model/bpf/core-relocation/refusal.ts';
import { goldenLines } from './golden-files.ts';

const COMPILER = 'gcc';
const hasCompiler = spawnSync(COMPILER, ['--version']).status === 0;
if (!hasCompiler) console.warn(`skipped: the compiler's sizes of descriptors, because there is no ${COMPILER}`);

/** What each form of the descriptor holds, written down again; a compiler says how much that is. */
const FORMS: Readonly<Record<(typeof DESCRIPTOR_PROFILES)[number]['name'], string>> = {
  'before-records': 'int kind, place, map, symbol;',
  'first-posted': 'int kind, place, map, symbol; unsigned access, type, question;',
  proposed: 'int kind, place; union { const void *record; struct { int map, symbol; }; };',
  'since-2022': 'int kind, place; union { const void *record; struct { int map, symbol, external; }; };',
};

test.skipIf(!hasCompiler)('a compiler gives each form of the descriptor its size', () => {
  const checks = DESCRIPTOR_PROFILES.map(
    ({ name, descriptorBytes }) =>
      `_Static_assert(sizeof(struct { ${FORMS[name]} }) == ${descriptorBytes}, "${name}");`,
  );
  const { stderr } = spawnSync(COMPILER, ['-fsyntax-only', '-x', 'c', '-'], { input: checks.join('\n') });
  expect(stderr.toString()).toBe('');
});

const layouts = goldenLines('light-skeleton-layout.jsonl.gz') as readonly { readonly elf: string }[] | undefined;

test.skipIf(layouts === undefined)(
  'over real objects, pointing at records takes less than half of copying them, and nothing of a direct load',
  () => {
    const objects = layouts!.map(({ elf }) => {
      const object = openObject(fromHex(elf)!);
      if (isRefusal(object)) throw new Error(object.reason);
      return object;
    });
    const cost = (name: string, loading: 'direct' | 'light-skeleton') => {
      const profile = DESCRIPTOR_PROFILES.find((form) => form.name === name)!;
      const memory = objects.flatMap((object) => {
        const used = descriptorMemory(object, profile, loading);
        return isRefusal(used) ? [] : [used];
      });
      const sum = (of: 'records' | 'bytesForRecords') => memory.reduce((total, used) => total + used[of], 0);
      return { records: sum('records'), bytes: sum('bytesForRecords') };
    };
    const copied = cost('first-posted', 'light-skeleton');
    const pointedAt = cost('proposed', 'light-skeleton');
    console.log(`${copied.records} records: ${copied.bytes} bytes copied, ${pointedAt.bytes} pointed at`);
    expect(pointedAt.records).toBe(copied.records);
    expect(copied.records).toBeGreaterThan(5000);
    expect(pointedAt.bytes).toBe(16 * copied.records);
    expect(pointedAt.bytes).toBeLessThan(copied.bytes / 2);
    // The argument of the review: descriptors that have nothing to do with CO-RE grow as well, in every load.
    expect(cost('first-posted', 'direct').bytes).toBeGreaterThan(0);
    expect(cost('proposed', 'direct')).toEqual({ records: 0, bytes: 0 });
  },
);
