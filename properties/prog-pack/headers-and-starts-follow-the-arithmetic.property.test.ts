import fc from 'fast-check';
import { expect, test } from 'vitest';
import { binarySize, chunksFor, PACKED, PAGED, startHole, startOffset } from '../../src/model/kernel/binary-header.ts';

test.each([
  { length: 0, size: 64, chunks: 1, hole: 56, last: 52 },
  { length: 40, size: 64, chunks: 1, hole: 16, last: 12 },
  { length: 41, size: 128, chunks: 2, hole: 56, last: 52 },
  { length: 104, size: 128, chunks: 2, hole: 16, last: 12 },
  { length: 500, size: 576, chunks: 9, hole: 56, last: 52 },
  { length: 2_097_128, size: 2_097_152, chunks: 32_768, hole: 16, last: 12 },
  { length: 2_097_129, size: 2_097_216, chunks: 32_769, hole: 56, last: 52 },
])('an image of $length bytes takes $size', ({ length, size, chunks, hole, last }) => {
  expect(binarySize(length, PACKED)).toBe(size);
  expect(chunksFor(size)).toBe(chunks);
  expect(startHole(size, length, PACKED)).toBe(hole);
  const starts = Array.from({ length: hole }, (_, random) => startOffset(random, hole, 4));
  expect(Math.min(...starts)).toBe(0);
  expect(Math.max(...starts)).toBe(last);
});

const align = fc.constantFrom(1, 2, 4, 8);

test('header, start and image always fit, with traps to spare, and the header shares the first chunk with the image', () => {
  fc.assert(
    fc.property(fc.nat(4_000_000), fc.nat(0xffff_ffff), align, (length, random, alignment) => {
      const size = binarySize(length, PACKED);
      const hole = startHole(size, length, PACKED);
      const start = 8 + startOffset(random, hole, alignment);
      expect(hole).toBeGreaterThanOrEqual(16);
      expect(hole).toBeLessThanOrEqual(56);
      expect(start + length).toBeLessThanOrEqual(size);
      expect(start).toBeLessThan(64);
      expect(start % alignment).toBe(0);
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test('with pages of its own a program has 128 trap bytes at least and its header on its first page', () => {
  fc.assert(
    fc.property(fc.nat(4_000_000), fc.nat(0xffff_ffff), align, (length, random, alignment) => {
      const size = binarySize(length, PAGED);
      const start = 8 + startOffset(random, startHole(size, length, PAGED), alignment);
      expect(size % 4096).toBe(0);
      expect(size - length - 8).toBeGreaterThanOrEqual(128);
      expect(start).toBeLessThan(4096);
      expect(start + length).toBeLessThanOrEqual(size);
    }),
    { seed: 2, numRuns: 2000 },
  );
});
