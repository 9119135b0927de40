/** What a {@link Pace} is told: a clock, whom to tell of progress, whom to ask whether to stop. */
export interface PaceOptions {
  /** Milliseconds of work from any fixed moment. */
  readonly now: () => number;
  /** Asked about every thousand operations, after a yield to the event loop: true leaves the rest undone. */
  readonly stop?: () => boolean;
  /** Called at each such yield. */
  readonly onProgress?: (operations: number) => void;
}

/** Operations between two looks at the clock. */
const PORTION = 1000;

/** How fast work goes, in the mean and at its end against its beginning; looks aside are not counted. */
export class Pace {
  operations = 0;
  readonly #options: PaceOptions;
  /** The time at which work would have begun, had nothing been done aside. */
  #begin: number;
  /** Times spent at the ends of portions since {@link beginTenths}. */
  #marks: number[] = [];

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#begin = options.now();
  }

  get milliseconds(): number {
    return this.#options.now() - this.#begin;
  }

  /** Counts one operation. True when it is time to {@link breathe}. */
  step(): boolean {
    return ++this.operations % PORTION === 0;
  }

  /** Lets others run. True when the rest is to be left undone. */
  async breathe(): Promise<boolean> {
    const { onProgress, stop } = this.#options;
    this.#marks.push(this.milliseconds);
    const left = this.#options.now();
    onProgress?.(this.operations);
    await new Promise<void>((resume) => setImmediate(resume));
    this.#begin += this.#options.now() - left;
    return stop?.() === true;
  }

  /** Does something that is no part of the work. */
  aside<Result>(look: () => Result): Result {
    const left = this.#options.now();
    const result = look();
    this.#begin += this.#options.now() - left;
    return result;
  }

  beginTenths(): void {
    this.#marks = [this.milliseconds];
  }

  /** The time of the last tenth of the portions against that of the first; undefined where there were fewer than ten. */
  endTenths(): number | undefined {
    const marks = this.#marks;
    const tenth = Math.floor((marks.length - 1) / 10);
    if (tenth === 0) return undefined;
    const first = marks[tenth]! - marks[0]!;
    const last = marks[marks.length - 1]! - marks[marks.length - 1 - tenth]!;
    return last / first;
  }
}
