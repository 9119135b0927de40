/**
 * A range of memory drawn in one line: each cell stands for an equal share of it and shows the mark that matters most among
 * what lies there. A single page of gigabytes so stays visible, at the cost of looking larger than it is.
 */
export interface StripSegment {
  readonly start: number;
  readonly length: number;
  /** One character. */
  readonly mark: string;
}

export interface StripOptions {
  /** The range that is drawn, in the units of the segments. */
  readonly from: number;
  readonly to: number;
  /** Characters in the line, at least 1. */
  readonly cells: number;
  /** Marks, the one that matters most first. Where nothing lies a cell is a space. */
  readonly order: readonly string[];
}

export function memoryStrip(segments: Iterable<StripSegment>, { from, to, cells, order }: StripOptions): string {
  const rank = new Map(order.map((mark, index) => [mark, index]));
  const line = Array.from({ length: cells }, () => ' ');
  const share = (to - from) / cells;
  for (const { start, length, mark } of segments) {
    const first = Math.max(0, Math.floor((start - from) / share));
    const last = Math.min(cells - 1, Math.ceil((start + length - from) / share) - 1);
    for (let cell = first; cell <= last; cell++) {
      if (outranks(mark, line[cell]!, rank)) line[cell] = mark;
    }
  }
  return line.join('');
}

function outranks(mark: string, other: string, rank: ReadonlyMap<string, number>): boolean {
  return other === ' ' || (rank.get(mark) ?? Number.POSITIVE_INFINITY) < (rank.get(other) ?? Number.POSITIVE_INFINITY);
}
