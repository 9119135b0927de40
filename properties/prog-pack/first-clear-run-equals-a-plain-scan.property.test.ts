import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bitmap } from '../../src/base/bitmap.ts';
import { Journal } from '../../src/base/journal.ts';

/** The same, bit by bit. */
class PlainBitmap {
  readonly bits: boolean[];

  constructor(length: number) {
    this.bits = new Array<boolean>(length).fill(false);
  }

  set(first: number, count: number, value: boolean): void {
    this.bits.fill(value, first, first + count);
  }

  firstClearRun(count: number): number | undefined {
    for (let first = 0; first + count <= this.bits.length; first++) {
      if (this.bits.slice(first, first + count).every((bit) => !bit)) return first;
    }
    return undefined;
  }
}

const change = fc.record({ first: fc.nat(199), count: fc.nat(120), value: fc.boolean() });

test('searches among many short runs agree with a plain scan, in maps of several groups', () => {
  const length = 7000;
  const changes = fc.array(fc.record({ first: fc.nat(length - 1), count: fc.nat(900), value: fc.boolean() }), {
    minLength: 5,
    maxLength: 60,
  });
  fc.assert(
    fc.property(changes, fc.array(fc.nat(2500), { minLength: 60, maxLength: 60 }), (all, wanted) => {
      const journal = new Journal();
      const map = new Bitmap(journal, length);
      const lowest = (count: number) => {
        let clear = 0;
        for (let bit = 0; bit < length; bit++) {
          clear = map.has(bit) ? 0 : clear + 1;
          if (clear === count) return bit + 1 - count;
        }
        return undefined;
      };
      const middle = all.length >> 1;
      let position = 0;
      all.forEach(({ first, count, value }, index) => {
        if (index === middle) position = journal.position;
        const size = Math.min(count, length - first);
        if (value) map.setRange(first, size);
        else map.clearRange(first, size);
        expect(map.firstClearRun(wanted[index]! + 1)).toBe(lowest(wanted[index]! + 1));
      });
      journal.undoTo(position);
      for (const count of wanted) expect(map.firstClearRun(count + 1), 'after undoing').toBe(lowest(count + 1));
    }),
    { seed: 12, numRuns: 40 },
  );
});

test('runs, searches and undo agree with a map of plain bits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.array(change, { maxLength: 30 }), (length, changes) => {
      const journal = new Journal();
      const [map, plain] = [new Bitmap(journal, length), new PlainBitmap(length)];
      for (const { first, count, value } of changes) {
        const start = first % length;
        const size = Math.min(count, length - start);
        if (value) map.setRange(start, size);
        else map.clearRange(start, size);
        plain.set(start, size, value);
        const at = plain.bits.indexOf(true);
        expect(map.nextSet(0)).toBe(at < 0 ? length : at);
        expect(map.isEmpty).toBe(at < 0);
        expect(map.firstClearRun(size + 1), 'also between changes').toBe(plain.firstClearRun(size + 1));
      }
      expect(plain.bits.map((_, bit) => map.has(bit))).toEqual(plain.bits);
      expect([...map.setRuns()].reduce((sum, [from, last]) => sum + last - from + 1, 0)).toBe(
        plain.bits.filter(Boolean).length,
      );
      for (let count = 1; count <= length + 1; count += 1 + (count >> 2)) {
        expect(map.firstClearRun(count)).toBe(plain.firstClearRun(count));
      }
      journal.undoTo(0);
      expect(map.isEmpty).toBe(true);
    }),
    { seed: 11, numRuns: 300 },
  );
});
