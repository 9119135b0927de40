import type { OrderedSet } from '../../base/ordered-set.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import type { MapleRanges } from '../../model/bpf/maple-ranges.ts';
import { RangeTree } from '../../model/bpf/range-tree.ts';

/** A run of free slots as the book holds it. */
export interface FreeRun {
  readonly first: number;
  readonly last: number;
  readonly stamp: number;
}

/** The runs of an arena's book by address, read without asking the book. */
export function freeRunsOf({ free }: Arena): OrderedSet<FreeRun> {
  if (free instanceof RangeTree) return free.byAddress;
  return (free as MapleRanges).gaps.byAddress;
}

/** The free run that holds a slot. */
export function runAt(arena: Arena, slot: number): FreeRun | undefined {
  const run = freeRunsOf(arena).floor({ first: slot, last: slot, stamp: 0 });
  return run !== undefined && run.last >= slot ? run : undefined;
}

/** The book by size, where there is one. */
export const bySizeOf = ({ free }: Arena): OrderedSet<FreeRun> | undefined =>
  free instanceof RangeTree ? free.bySize : undefined;
