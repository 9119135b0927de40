import type { Machine } from '../machine/machine.ts';

/** Frames for an area: single ones, or whole blocks. All or none. */
export function framesOf({ memory }: Machine, pageCount: number, leafPages: 1 | 512): readonly number[] | undefined {
  const frames: number[] = [];
  while (frames.length < pageCount) {
    const first = leafPages === 1 ? memory.allocate('vmalloc')?.number : memory.allocateBlock('vmalloc');
    if (first === undefined) {
      giveBack(memory, frames, leafPages);
      return undefined;
    }
    for (let frame = first; frame < first + leafPages; frame++) frames.push(frame);
  }
  return frames;
}

/** Frames go back last first, so that the page allocator's stack hands them out in the same order again. */
export function giveBack(memory: Machine['memory'], frames: readonly number[], leafPages: 1 | 512): void {
  for (let index = frames.length - leafPages; index >= 0; index -= leafPages) {
    if (leafPages === 1) memory.free(frames[index]!);
    else memory.freeBlock(frames[index]!);
  }
}
