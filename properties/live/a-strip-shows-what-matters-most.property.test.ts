import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memoryStrip } from '../../src/report/memory-strip.ts';

const segment = fc.record({
  start: fc.integer({ min: 0, max: 999 }),
  length: fc.integer({ min: 1, max: 300 }),
  mark: fc.constantFrom('X', 'x', '.'),
});

test('each cell shows the first mark in order that overlaps it', () => {
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 12 }), fc.constantFrom(1, 10, 50, 100), (segments, cells) => {
      const line = memoryStrip(segments, { from: 0, to: 1000, cells, order: ['X', 'x', '.'] });
      expect(line).toHaveLength(cells);
      const share = 1000 / cells;
      for (let cell = 0; cell < cells; cell++) {
        const inside = segments.filter(
          ({ start, length }) => start < (cell + 1) * share && start + length > cell * share,
        );
        const marks = ['X', 'x', '.'].filter((mark) => inside.some((one) => one.mark === mark));
        expect(line[cell]).toBe(marks[0] ?? ' ');
      }
    }),
    { seed: 8, numRuns: 200 },
  );
});
