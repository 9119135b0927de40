import { assert, ModelBug } from '../../base/assert.ts';
import { type Journal, JournaledArray } from '../../base/journal.ts';
import { PAGES_PER_2M } from '../../base/page.ts';
import { Frame, type FrameUse, JUNK } from './frame.ts';

/**
 * Physical memory and its page allocator. Frames materialise when first asked for.
 *
 * The buddy allocator's placement is left out: single frames come from the bottom, the most recently freed first (so that
 * reuse, which laws want to see, happens at once), 2 MiB blocks from the top. This changes which frame an owner gets, never
 * whether two owners share one. Fresh single frames go out downwards inside each 2 MiB, so that 512 of them never look like a
 * block: of some 3,000 packs recorded on kernels that collapse, none had frames in ascending order.
 */
export class PhysicalMemory {
  readonly frameCount: number;
  readonly #journal: Journal;
  readonly #reserved: number;
  /** By 2 MiB, then by frame: faster than a map, and as sparse. */
  readonly #frames: (Frame | undefined)[][] = [];
  readonly #freedFrames: JournaledArray<number>;
  readonly #freedBlocks: JournaledArray<number>;
  readonly #edge: { firstFree: number; firstBlock: number; promised: number };

  /**
   * @param frameCount frames in the machine; a multiple of 512
   * @param reserved frames at the bottom that are never handed out (the kernel image, the real-mode area); a multiple of 512
   */
  constructor(journal: Journal, frameCount: number, reserved: number) {
    assert(frameCount % PAGES_PER_2M === 0, 'physical memory ends at a multiple of 2 MiB');
    assert(reserved % PAGES_PER_2M === 0, 'reserved memory ends at a multiple of 2 MiB');
    this.#journal = journal;
    this.frameCount = frameCount;
    this.#reserved = reserved;
    this.#freedFrames = new JournaledArray<number>(journal);
    this.#freedBlocks = new JournaledArray<number>(journal);
    this.#edge = { firstFree: reserved, firstBlock: frameCount, promised: 0 };
  }

  frame(number: number): Frame {
    return this.#frames[number >>> 9]?.[number & 511] ?? this.#materialise(number);
  }

  /** Frames somebody has asked for: all others are free and full of junk. */
  *touchedFrames(): Generator<Frame> {
    for (const block of this.#frames) {
      for (const frame of block ?? []) if (frame !== undefined) yield frame;
    }
  }

  /**
   * Frames of [first, end) that were given back: handed out once, and free now. In ascending order. What was touched and undone
   * since is none of these, so the answer depends on the world's state alone.
   */
  returnedIn(first: number, end: number): readonly number[] {
    const found: number[] = [];
    for (const number of this.#freedFrames.items) if (number >= first && number < end) found.push(number);
    for (const block of this.#freedBlocks.items) {
      const past = Math.min(end, block + PAGES_PER_2M);
      for (let number = Math.max(first, block); number < past; number++) found.push(number);
    }
    return found.sort((left, right) => left - right);
  }

  /** Whether a frame was given back: {@link returnedIn} for a single one. */
  isReturned(number: number): boolean {
    return this.#frames[number >>> 9]?.[number & 511]?.use === 'free' && this.#wasHandedOut(number);
  }

  /** Frames that could be handed out now. */
  get freeFrameCount(): number {
    const { firstFree, firstBlock, promised } = this.#edge;
    return firstBlock - firstFree + this.#freedFrames.length + PAGES_PER_2M * this.#freedBlocks.length - promised;
  }

  /**
   * Keeps frames back for whoever takes them later with {@link allocatePromised}: what an owner has allocated and nobody can
   * see yet costs nothing until it is used. False, and nothing kept back, when there are not so many.
   */
  promise(count: number): boolean {
    if (this.freeFrameCount < count) return false;
    this.#journal.set(this.#edge, 'promised', this.#edge.promised + count);
    return true;
  }

  /** Promised frames that are not needed any more. */
  forgoPromised(count: number): void {
    assert(count <= this.#edge.promised, 'what is given up was promised');
    if (count > 0) this.#journal.set(this.#edge, 'promised', this.#edge.promised - count);
  }

  allocatePromised(use: Exclude<FrameUse, 'free'>): Frame {
    this.forgoPromised(1);
    const frame = this.allocate(use);
    assert(frame !== undefined, 'a promised frame is there');
    return frame;
  }

  /** Hands out one frame with whatever its last owner left in it, or undefined when none is free. */
  allocate(use: Exclude<FrameUse, 'free'>): Frame | undefined {
    const number = this.#takeFrame();
    if (number === undefined) return undefined;
    const frame = this.frame(number);
    frame.setUse(use);
    return frame;
  }

  /** Hands out 512 contiguous frames that start at a multiple of 2 MiB: the first one's number, or undefined. */
  allocateBlock(use: Exclude<FrameUse, 'free'>): number | undefined {
    const first = this.#takeBlock();
    if (first === undefined) return undefined;
    for (let number = first; number < first + PAGES_PER_2M; number++) this.frame(number).setUse(use);
    return first;
  }

  /** Takes a frame back and fills it with junk. */
  free(number: number): void {
    this.#retire(number);
    this.#freedFrames.push(number);
  }

  /** Takes 512 frames handed out by {@link allocateBlock} back. */
  freeBlock(first: number): void {
    for (let number = first; number < first + PAGES_PER_2M; number++) this.#retire(number);
    this.#freedBlocks.push(first);
  }

  /** Reserved frames are free only when the kernel's image gave them back. */
  #wasHandedOut(number: number): boolean {
    const { firstFree, firstBlock } = this.#edge;
    return number < this.#reserved || downwards(number) < firstFree || number >= firstBlock;
  }

  #materialise(number: number): Frame {
    if (!(number >= 0 && number < this.frameCount)) {
      throw new ModelBug(`frame ${number} does not exist among ${this.frameCount} frames`);
    }
    while (this.#frames.length <= number >>> 9) this.#frames.push([]);
    const block = this.#frames[number >>> 9]!;
    const frame = new Frame(this.#journal, number, number < this.#reserved ? 'reserved' : 'free');
    block[number & 511] = frame;
    return frame;
  }

  #retire(number: number): void {
    const frame = this.frame(number);
    if (frame.use === 'free') throw new ModelBug(`frame ${number} is freed twice`);
    frame.setUse('free');
    frame.fillAll(JUNK);
  }

  #takeFrame(): number | undefined {
    if (this.#edge.promised > 0 && this.freeFrameCount < 1) return undefined;
    if (this.#freedFrames.length > 0) return this.#freedFrames.remove(this.#freedFrames.length - 1);
    const { firstFree, firstBlock } = this.#edge;
    if (firstFree < firstBlock) {
      this.#journal.set(this.#edge, 'firstFree', firstFree + 1);
      return downwards(firstFree);
    }
    if (this.#freedBlocks.length === 0) return undefined;
    const block = this.#freedBlocks.remove(this.#freedBlocks.length - 1);
    for (let number = block; number < block + PAGES_PER_2M - 1; number++) this.#freedFrames.push(number);
    return block + PAGES_PER_2M - 1;
  }

  #takeBlock(): number | undefined {
    if (this.#freedBlocks.length > 0) return this.#freedBlocks.remove(this.#freedBlocks.length - 1);
    const first = this.#edge.firstBlock - PAGES_PER_2M;
    if (first < this.#edge.firstFree || this.freeFrameCount < PAGES_PER_2M) return undefined;
    this.#journal.set(this.#edge, 'firstBlock', first);
    return first;
  }
}

/** Counts down where `number` counts up, inside each 2 MiB. */
function downwards(number: number): number {
  const place = number % PAGES_PER_2M;
  return number - place + (PAGES_PER_2M - 1 - place);
}
