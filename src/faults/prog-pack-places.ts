import { PAGE_SIZE } from '../base/page.ts';
import { type Fault, fault } from '../language/fault.ts';
import { CHUNK_BYTES, chunksFor } from '../model/kernel/binary-header.ts';
import type { World } from '../model/world.ts';

/* Where slices lie and how far they reach: bugs of the bitmap's arithmetic. */

const HERE = { kernel: '6.18', suite: 'prog-pack' } as const;

const lastChunkNotMarked = fault<World>({
  ...HERE,
  name: 'last-chunk-not-marked',
  story: 'The bitmap marks one chunk less than a request takes, so the next request gets the end of this one.',
  breaks: 'chunks-are-busy-exactly-while-held',
  alsoBreaks: ['allocations-are-disjoint', 'text-is-placed-first-fit'],
  source: 'plausible: the count of chunks rounded down in bitmap_set()',
  plant({ text: { packs } }) {
    const { allocate } = packs;
    packs.allocate = (size, filler, cpu) => {
      const address = allocate.call(packs, size, filler, cpu);
      const pack = address === undefined || packs.isDedicated(size) ? undefined : packs.packOf(address);
      if (pack !== undefined) pack.chunks.clearRange((address! - pack.address) / CHUNK_BYTES + chunksFor(size) - 1, 1);
      return address;
    };
  },
});

const sliceBeginsInsideItsChunk = fault<World>({
  ...HERE,
  name: 'slice-begins-inside-its-chunk',
  story:
    'What is handed out begins eight bytes into its chunk, where no mask finds it again and the next chunk is overrun.',
  breaks: 'chunks-are-busy-exactly-while-held',
  alsoBreaks: ['text-is-aligned', 'text-is-placed-first-fit'],
  source: 'plausible: room for a header added twice',
  plant({ text: { packs } }) {
    const { allocate } = packs;
    packs.allocate = (size, filler, cpu) => {
      const address = allocate.call(packs, size, filler, cpu);
      return address === undefined || packs.isDedicated(size) ? address : address + 8;
    };
  },
});

const packOnePageShort = fault<World>({
  ...HERE,
  name: 'pack-one-page-short',
  story: 'The memory of a pack is a page shorter than its bitmap says, so its last chunks lie in the guard page.',
  breaks: 'text-lies-in-one-block-of-the-module-window',
  alsoBreaks: ['right-steps-raise-no-alarm'],
  source: 'plausible: the guard page taken out of the size a second time',
  plant({ text: { packs, memory } }) {
    const { allocate } = memory;
    memory.allocate = (bytes) => allocate.call(memory, bytes === packs.packBytes ? bytes - PAGE_SIZE : bytes);
  },
});

export const progPackPlaceFaults: readonly Fault<World>[] = [
  lastChunkNotMarked,
  sliceBeginsInsideItsChunk,
  packOnePageShort,
];
