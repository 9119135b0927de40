import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Journal } from '../../src/base/journal.ts';
import { JitLimit } from '../../src/model/kernel/jit-limit.ts';

function limitOf(bytes: number): JitLimit {
  const limit = new JitLimit(new Journal(), { windowBytes: 2 ** 30, unit: 1 });
  limit.setLimit(bytes);
  return limit;
}

test('charges at, above and far above a limit of 1000 bytes end as calculated', () => {
  const limit = limitOf(1000);
  expect(limit.charge(576, false)).toBe(true);
  expect(limit.current).toBe(576);
  expect(limit.charge(448, false)).toBe(false);
  expect(limit.current).toBe(576);
  expect(limit.charge(448, true)).toBe(true);
  expect(limit.current).toBe(1024);
  expect(limit.charge(0, false), 'more than the limit is charged already').toBe(false);
  expect(limit.current).toBe(1024);
  limit.uncharge(448);
  expect(limit.charge(424, false)).toBe(true);
  expect(limit.current).toBe(1000);
});

test('half of the module window is the limit at boot, in whole pages', () => {
  expect(new JitLimit(new Journal(), { windowBytes: 3 * 4096, unit: 1 }).limit).toBe(8192);
});

test('where pages are counted, a limit between two pages admits whole pages only', () => {
  const limit = new JitLimit(new Journal(), { windowBytes: 2 ** 30, unit: 4096 });
  limit.setLimit(3 * 4096 + 4095);
  expect(limit.charge(3, false)).toBe(true);
  expect(limit.charge(1, false)).toBe(false);
});

test('capability only turns refusals into success', () => {
  const charges = fc.array(fc.tuple(fc.nat(2000), fc.boolean()), { maxLength: 20 });
  fc.assert(
    fc.property(charges, fc.nat(5000), (asked, bytes) => {
      for (const [amount, capable] of asked) {
        const before = asked.slice(
          0,
          asked.findIndex((one) => one[0] === amount && one[1] === capable),
        );
        const [weak, strong] = [limitOf(bytes), limitOf(bytes)];
        for (const limit of [weak, strong]) for (const [size, rights] of before) limit.charge(size, rights);
        const granted = weak.charge(amount, false);
        expect(strong.charge(amount, true)).toBe(true);
        if (granted) expect(weak.current).toBe(strong.current);
      }
    }),
    { seed: 3, numRuns: 300 },
  );
});
