import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { World } from '../../src/model/world.ts';
import { freshWorld, textBytes } from './text-state.ts';

interface Load {
  readonly length: number;
  readonly frees: boolean;
}

const loads = fc.array(fc.record<Load>({ length: fc.nat(9000), frees: fc.boolean() }), { minLength: 1, maxLength: 15 });

/** Loads programs, freeing some at once, and answers where their headers went. */
function place({ text }: World, asked: readonly Load[]): readonly number[] {
  return asked.map(({ length, frees }) => {
    const binary = text.binaries.allocate({ length, align: 4, random: 0, capable: true, cpu: 0 })!;
    text.binaries.finalize(binary, 0);
    if (frees) text.binaries.release(binary, 0);
    return binary.header;
  });
}

test('shifting the module window by 2 MiB shifts every result by 2 MiB, and nothing else', () => {
  const [here, there] = [freshWorld('6.18'), freshWorld('6.18', { module_offset: '512' })];
  expect(there.text.limit.limit).toBe(here.text.limit.limit);
  const starts = [here.journal.position, there.journal.position] as const;
  fc.assert(
    fc.property(loads, (asked) => {
      expect(place(there, asked)).toEqual(place(here, asked).map((header) => header + 2 * 1024 * 1024));
      here.journal.undoTo(starts[0]);
      there.journal.undoTo(starts[1]);
    }),
    { seed: 9, numRuns: 20 },
  );
});

test('another random number changes only where the image starts', () => {
  const world = freshWorld();
  const { binaries } = world.text;
  binaries.allocate({ length: 40, align: 4, random: 0, capable: true, cpu: 0 });
  const start = world.journal.position;
  const loaded = (length: number, random: number) => {
    const binary = binaries.allocate({ length, align: 4, random, capable: true, cpu: 0 })!;
    binaries.emit(binary, 0, new Uint8Array(length).fill(0x90));
    const { header, image, buffer, bufferOffset } = binary;
    const prepared = buffer.view().slice();
    binaries.finalize(binary, 0);
    const text = textBytes(world, header, buffer.size);
    world.journal.undoTo(start);
    return { header, offset: image - header, bufferOffset, prepared, text };
  };
  fc.assert(
    fc.property(fc.nat(3000), fc.nat(4095), fc.nat(4095), (length, one, other) => {
      const [left, right] = [loaded(length, one), loaded(length, other)];
      expect(left.header).toBe(right.header);
      expect(left.offset).toBe(left.bufferOffset);
      expect(left.text, 'the text is the buffer, byte for byte').toEqual(left.prepared);
      const code = new Uint8Array(length).fill(0x90);
      for (const { text, offset } of [left, right]) {
        expect(text.subarray(offset, offset + length)).toEqual(code);
        expect(text.subarray(0, 8)).toEqual(left.text.subarray(0, 8));
        expect([...text.subarray(8, offset), ...text.subarray(offset + length)].every((byte) => byte === 0xcc)).toBe(
          true,
        );
      }
    }),
    { seed: 10, numRuns: 60 },
  );
});
