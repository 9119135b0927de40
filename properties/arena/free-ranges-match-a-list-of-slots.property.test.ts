import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Journal } from '../../src/base/journal.ts';
import { OrderedSet } from '../../src/base/ordered-set.ts';
import type { FreeRanges, Run } from '../../src/model/bpf/arena-free-ranges.ts';
import { MapleRanges } from '../../src/model/bpf/maple-ranges.ts';
import { RangeTree } from '../../src/model/bpf/range-tree.ts';

const SLOTS = 48;

/** The same book as one flag a slot. */
class Slots {
  readonly free: boolean[] = Array.from({ length: SLOTS }, () => true);

  runs(): Run[] {
    const runs: { first: number; last: number }[] = [];
    this.free.forEach((free, slot) => {
      const last = runs.at(-1);
      if (free && last?.last === slot - 1) last.last = slot;
      else if (free) runs.push({ first: slot, last: slot });
    });
    return runs;
  }

  mark(first: number, count: number, free: boolean): void {
    this.free.fill(free, first, first + count);
  }

  allFree(first: number, count: number): boolean {
    return this.free.slice(first, first + count).every(Boolean);
  }
}

const range = fc
  .tuple(fc.nat(SLOTS - 1), fc.integer({ min: 1, max: 12 }))
  .map(([first, count]) => ({ first, count: Math.min(count, SLOTS - first) }));
const action = fc.record({ kind: fc.constantFrom('allocate', 'claim', 'fault', 'release'), range });

const shapeOf = (book: FreeRanges): Run[] => [...book.runs()].map(({ first, last }) => ({ first, last }));

const books = [
  { name: 'range tree', make: (journal: Journal) => new RangeTree(journal, SLOTS, () => true) },
  { name: 'maple tree', make: (journal: Journal) => new MapleRanges(journal, SLOTS, () => true) },
];

test.each(books)('a $name keeps the same slots as a list of flags, and undoing brings each state back', ({ make }) => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const journal = new Journal();
      const book = make(journal);
      const slots = new Slots();
      const history: { position: number; runs: Run[] }[] = [];
      for (const { kind, range } of actions) {
        history.push({ position: journal.position, runs: shapeOf(book) });
        perform(book, slots, kind, range);
        expect(shapeOf(book)).toEqual(slots.runs());
      }
      for (const { position, runs } of history.reverse()) {
        journal.undoTo(position);
        expect(shapeOf(book)).toEqual(runs);
      }
    }),
    { numRuns: 300, seed: 7 },
  );
});

function perform(
  book: FreeRanges,
  slots: Slots,
  kind: string,
  { first, count }: { first: number; count: number },
): void {
  const lowest = kind === 'allocate' ? slots.runs().filter(({ first, last }) => last - first + 1 >= count) : [];
  switch (kind) {
    case 'allocate': {
      const slot = book.allocate(count, SLOTS);
      expect(typeof slot === 'number').toBe(lowest.length > 0);
      if (typeof slot !== 'number') return;
      const sizes = lowest.map(({ first, last }) => last - first);
      const taken = lowest.find((run) => run.first === slot)!;
      if (book instanceof RangeTree) expect(taken.last - taken.first).toBe(Math.min(...sizes));
      else expect(slot).toBe(lowest[0]!.first);
      slots.mark(slot, count, false);
      return;
    }
    case 'claim':
      expect(book.claim(first, count)).toBe(slots.allFree(first, count) ? undefined : '-EBUSY');
      if (slots.allFree(first, count)) slots.mark(first, count, false);
      return;
    case 'fault': {
      const occupied = !slots.free[first];
      expect(book.claimForFault(first)).toBe(occupied && book instanceof MapleRanges ? '-EBUSY' : undefined);
      slots.mark(first, 1, false);
      return;
    }
    default:
      book.release(first, count);
      slots.mark(first, count, true);
  }
}

test('the youngest of equal runs is taken, and a run that shrank counts as new', () => {
  const tree = new RangeTree(new Journal(), 16, () => true);
  tree.claim(0, 16);
  for (const slot of [1, 3, 5]) tree.release(slot, 1);
  tree.release(8, 8);
  expect([1, 2, 3, 4].map(() => tree.allocate(1))).toEqual([5, 3, 1, 8]);
  expect(shapeOf(tree)).toEqual([{ first: 9, last: 15 }]);
});

test('an ordered set of many items equals a sorted array', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(4000), { maxLength: 3000 }), fc.nat(4000), (numbers, probe) => {
      const set = new OrderedSet<number>(new Journal(), (left, right) => left - right);
      const known = new Set<number>();
      for (const number of numbers) {
        if (known.delete(number)) set.delete(number);
        else {
          known.add(number);
          set.add(number);
        }
      }
      const sorted = [...known].sort((left, right) => left - right);
      expect([...set.items()]).toEqual(sorted);
      expect(set.size).toBe(sorted.length);
      expect(set.ceiling(probe)).toBe(sorted.find((number) => number >= probe));
      expect(set.floor(probe)).toBe(sorted.findLast((number) => number <= probe));
    }),
    { numRuns: 40, seed: 11 },
  );
});
