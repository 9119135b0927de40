import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Attempt, hazards, hazardsOf } from '../../src/targets/live/hazards.ts';

const names = (attempt: Attempt, release: string, allowed: readonly string[] = []) =>
  hazardsOf(attempt, release, new Set(allowed)).map(({ name }) => name);

test('hazards have names of their own, in words, and a source', () => {
  expect(new Set(hazards.map(({ name }) => name)).size).toBe(hazards.length);
  for (const { name, source, story } of hazards) {
    expect(name).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)+$/);
    expect(source.length).toBeGreaterThan(20);
    expect(story).toMatch(/\.$/);
  }
});

test.each([
  ['6.12.117', false],
  ['6.16.12', true],
  ['6.18.15', true],
  ['6.18.44-generic', false],
  ['6.19.14', true],
  ['7.0.13', false],
])('on %s an allocation on a missing node is refused: %s', (release, threatened) => {
  const attempt: Attempt = { kind: 'arena-alloc', node: 5, nodeExists: false, reachesGuard: false };
  expect(names(attempt, release)).toEqual(threatened ? ['arena-pages-on-a-missing-node'] : []);
  expect(names({ ...attempt, node: -1 }, release)).toEqual([]);
  expect(names({ ...attempt, nodeExists: true }, release)).toEqual([]);
});

test('what the user allowed is not refused, everything else still is', () => {
  const relocation: Attempt = { kind: 'core-relocation', relocation: 'type', localKind: 'FLOAT', accessors: [-1] };
  expect(names(relocation, '6.18.44')).toEqual(['type-relocation-of-an-odd-kind', 'negative-accessor']);
  expect(names(relocation, '6.18.44', ['negative-accessor'])).toEqual(['type-relocation-of-an-odd-kind']);
  expect(names({ ...relocation, localKind: 'STRUCT', accessors: [0, 3] }, '6.18.44')).toEqual([]);
});

test('mappings are hazardous at addresses that no process has, and when a large arena is mapped twice', () => {
  const mmap = fc.record({
    kind: fc.constant('arena-mmap' as const),
    mapExtra: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    maxEntries: fc.constantFrom(1, 16, 2 ** 20 - 1, 2 ** 20),
    fixed: fc.boolean(),
    mapped: fc.boolean(),
  });
  fc.assert(
    fc.property(mmap, (attempt) => {
      const expected = [
        ...(attempt.mapExtra >> 47n === 0n ? [] : ['arena-mapped-at-a-kernel-address']),
        ...(attempt.maxEntries > 64 && attempt.mapped && !attempt.fixed
          ? ['second-unfixed-mapping-of-a-large-arena']
          : []),
      ];
      expect(names(attempt, '6.18.44')).toEqual(expected);
    }),
    { seed: 9, numRuns: 100 },
  );
});
