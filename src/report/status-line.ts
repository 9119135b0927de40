import type { RunProgress } from '../engine/verdict.ts';
import { duration, grouped } from './numbers.ts';

/** Where a live line can be shown: a terminal, or nowhere. */
export interface LiveStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** One line at the bottom of a terminal that tells how far long work is; silent anywhere else. */
export class StatusLine {
  readonly #stream: LiveStream | undefined;
  readonly #now: () => number;
  #shownAt = Number.NEGATIVE_INFINITY;
  #visible = false;

  constructor(stream: LiveStream, now: () => number) {
    this.#stream = stream.isTTY === true ? stream : undefined;
    this.#now = now;
  }

  /** Shows the line, at most ten times a second. */
  show(text: string): void {
    if (this.#stream === undefined || this.#now() - this.#shownAt < 100) return;
    this.#shownAt = this.#now();
    // A terminal that does not know its width says 0.
    const width = (this.#stream.columns || 80) - 1;
    this.#stream.write(`\r${ERASE_LINE}${text.slice(0, width)}`);
    this.#visible = true;
  }

  /** Takes the line away, so that other text can be printed. */
  clear(): void {
    if (!this.#visible) return;
    this.#stream?.write(`\r${ERASE_LINE}`);
    this.#visible = false;
    this.#shownAt = Number.NEGATIVE_INFINITY;
  }
}

const ERASE_LINE = '\u001b[2K';

/** What the line says about a suite under way. Times are in seconds. */
export function progressText(
  title: string,
  { runs, steps, judged }: RunProgress,
  time: { readonly elapsed: number; readonly left?: number; readonly totalRuns?: number },
): string {
  const { elapsed, left, totalRuns } = time;
  const of = totalRuns === undefined ? '' : ` of ${grouped(totalRuns)}`;
  const parts = [
    `${grouped(runs)}${of} runs`,
    `${grouped(steps / Math.max(elapsed, 0.001))} steps/s`,
    `${grouped(judged)} judgements`,
    left === undefined ? duration(elapsed) : `${duration(Math.max(0, left))} left`,
  ];
  return `${title}: ${parts.join(', ')}`;
}
