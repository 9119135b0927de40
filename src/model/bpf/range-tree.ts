import type { Journal } from '../../base/journal.ts';
import { OrderedSet } from '../../base/ordered-set.ts';
import type { ClaimFailure, FreeRanges, Run } from './arena-free-ranges.ts';
import { RunSet, type StampedRun } from './run-set.ts';

/**
 * kernel/bpf/range_tree.c, since 6.13: the free slots as maximal disjoint runs, found by address and by size.
 *
 * Best fit, and among equal sizes the run that was inserted last: the kernel's size tree runs from big to small, puts
 * equals behind each other, and its search keeps going right while the size suffices. A run that shrank, grew or merged
 * counts as new. The augmentation of the kernel's interval tree is left out: runs are disjoint.
 */
export class RangeTree extends RunSet implements FreeRanges {
  readonly bySize: OrderedSet<StampedRun>;
  readonly #allocateNode: () => boolean;

  /** @param allocateNode whether there is memory for one more node; asked where the kernel allocates one */
  constructor(journal: Journal, slotCount: number, allocateNode: () => boolean) {
    super(journal);
    this.#allocateNode = allocateNode;
    this.bySize = new OrderedSet<StampedRun>(journal, smallestThenYoungest);
    this.insert(0, slotCount - 1);
  }

  allocate(count: number): number | ClaimFailure | undefined {
    const run = this.bestFit(count);
    if (run === undefined) return undefined;
    return this.take(run.first, run.first + count - 1) ?? run.first;
  }

  /** range_tree_find(): the smallest run that holds `count` slots, the youngest of equals. */
  bestFit(count: number): StampedRun | undefined {
    return this.bySize.ceiling({ first: 0, last: count - 1, stamp: Number.POSITIVE_INFINITY });
  }

  claim(first: number, count: number): ClaimFailure | undefined {
    const last = first + count - 1;
    return this.covers(first, last) ? this.take(first, last) : '-EBUSY';
  }

  /** Succeeds for a slot that is not free too: a reserved slot is faulted in like a free one (facts L1). */
  claimForFault(slot: number): ClaimFailure | undefined {
    return this.take(slot, slot);
  }

  release(first: number, count: number): ClaimFailure | undefined {
    const last = first + count - 1;
    if (this.covers(first, last)) return undefined;
    if (this.needsNodeToSet(first, last) && !this.#allocateNode()) return this.setWithoutNode(first, last);
    this.set(first, last);
    return undefined;
  }

  rollBack(first: number, count: number): void {
    this.release(first, count);
  }

  isFree(slot: number): boolean {
    return this.covers(slot, slot);
  }

  /** range_tree_clear(): a cut in the middle of a run needs a node for the right part. */
  take(first: number, last: number): ClaimFailure | undefined {
    const run = this.runHolding(first);
    const splits = run !== undefined && run.first < first && run.last > last;
    if (splits && !this.#allocateNode()) return this.cutWithoutNode(run, first);
    this.clear(first, last);
    return undefined;
  }

  /** What a failed cut leaves behind. Before September 2026 the part right of the cut was lost (3941710a504a). */
  cutWithoutNode(run: StampedRun, first: number): ClaimFailure {
    this.remove(run);
    this.insert(run.first, first - 1);
    return '-ENOMEM';
  }

  /** What a failed set leaves behind. Before September 2026 the runs inside were gone by then (b51b058999e0). */
  setWithoutNode(first: number, last: number): ClaimFailure {
    this.clear(first, last);
    return '-ENOMEM';
  }

  /** range_tree_set() makes a node only where there is no neighbour to extend. */
  needsNodeToSet(first: number, last: number): boolean {
    return this.runHolding(first - 1) === undefined && this.runHolding(last + 1) === undefined;
  }

  override remove(run: StampedRun): void {
    super.remove(run);
    this.bySize.delete(run);
  }

  protected override added(run: StampedRun): void {
    super.added(run);
    this.bySize.add(run);
  }
}

const sizeOf = (run: Run): number => run.last - run.first + 1;

function smallestThenYoungest(left: StampedRun, right: StampedRun): number {
  return sizeOf(left) - sizeOf(right) || right.stamp - left.stamp;
}
