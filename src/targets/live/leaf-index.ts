import { type LeafRun, pageCountOf } from './leaf-run.ts';

/** Answers two questions about leaves quickly: which run maps a page, and which runs show a range of frames. */
export class LeafIndex {
  readonly runs: readonly LeafRun[];
  readonly #byPage: readonly LeafRun[];
  readonly #byFrame: readonly LeafRun[];
  /** For each place in `#byFrame`, the first frame behind everything that stands at or before it. */
  readonly #reach: readonly number[];

  constructor(runs: readonly LeafRun[]) {
    this.runs = runs;
    this.#byPage = runs.toSorted((left, right) => left.page - right.page);
    this.#byFrame = runs.toSorted((left, right) => left.frame - right.frame);
    let reach = 0;
    this.#reach = this.#byFrame.map((run) => {
      reach = Math.max(reach, run.frame + pageCountOf(run));
      return reach;
    });
  }

  /** The run that maps a page, undefined where none does. */
  at(page: number): LeafRun | undefined {
    const run = this.#byPage[firstAbove(this.#byPage, (candidate) => candidate.page > page) - 1];
    return run !== undefined && page < run.page + pageCountOf(run) ? run : undefined;
  }

  /** The frame behind a page, undefined where it is not mapped. */
  frameAt(page: number): number | undefined {
    const run = this.at(page);
    return run === undefined ? undefined : run.frame + (page - run.page);
  }

  /** Runs that map at least one page of a range, in the order of their addresses. */
  *within(firstPage: number, pageCount: number): Generator<LeafRun> {
    const end = firstPage + pageCount;
    const behind = firstAbove(this.#byPage, (candidate) => candidate.page + pageCountOf(candidate) > firstPage);
    for (let place = behind; place < this.#byPage.length; place++) {
      const run = this.#byPage[place]!;
      if (run.page >= end) return;
      yield run;
    }
  }

  /** Runs that show at least one frame of a range, wherever they lie. */
  *showing(firstFrame: number, frameCount: number): Generator<LeafRun> {
    const end = firstFrame + frameCount;
    let place = firstAbove(this.#byFrame, (candidate) => candidate.frame >= end) - 1;
    // Runs overlap in frames, so look back as far as anything still reaches into the range.
    for (; place >= 0 && this.#reach[place]! > firstFrame; place--) {
      const run = this.#byFrame[place]!;
      if (run.frame + pageCountOf(run) > firstFrame) yield run;
    }
  }
}

/** The first place where a condition holds that never stops to hold further on; the length where it never does. */
function firstAbove<Item>(items: readonly Item[], holds: (item: Item) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
