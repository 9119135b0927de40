import type { Journal } from '../../base/journal.ts';
import type { ClaimFailure, FreeRanges, Run } from './arena-free-ranges.ts';
import { RunSet } from './run-set.ts';

/** Past every slot that an address can name: the tree itself has no end. */
const NO_END = 2 ** 32;

/**
 * The maple tree of allocated slots, 6.9 to 6.12 and the patch set before: kernel/bpf/arena.c with lib/maple_tree.c.
 *
 * An allocation takes the lowest gap that fits, bounded by the size of the user's mapping and not by max_entries. The model
 * keeps the gaps; entries and nodes of the tree are left out: an erase only ever removes the entry that the same call
 * stored, so where one entry ends and the next begins decides nothing.
 */
export class MapleRanges implements FreeRanges {
  readonly gaps: RunSet;
  readonly #slotCount: number;
  readonly #allocateNode: () => boolean;

  constructor(journal: Journal, slotCount: number, allocateNode: () => boolean) {
    this.#slotCount = slotCount;
    this.#allocateNode = allocateNode;
    this.gaps = new RunSet(journal);
    this.gaps.insert(0, NO_END);
  }

  allocate(count: number, bound: number): number | ClaimFailure | undefined {
    const first = this.lowestGap(count, bound);
    if (first === undefined) return undefined;
    return this.#store(first, count) ?? first;
  }

  /** mas_empty_area(): the first slot of the lowest gap of `count` slots that ends below `bound`. */
  lowestGap(count: number, bound: number): number | undefined {
    for (const { first, last } of this.gaps.runs()) {
      if (last - first + 1 >= count) return first + count <= bound ? first : undefined;
    }
    return undefined;
  }

  claim(first: number, count: number): ClaimFailure | undefined {
    return this.gaps.covers(first, first + count - 1) ? this.#store(first, count) : '-EBUSY';
  }

  /** An occupied slot whose page is gone refuses the fault: mtree_insert() says -EEXIST. */
  claimForFault(slot: number): ClaimFailure | undefined {
    return this.claim(slot, 1);
  }

  release(first: number, count: number): ClaimFailure | undefined {
    this.gaps.set(first, first + count - 1);
    return undefined;
  }

  rollBack(first: number, count: number): void {
    this.gaps.set(first, first + count - 1);
  }

  /** The gaps between what is allocated, and the rest up to max_entries. */
  *runs(): Generator<Run> {
    for (const { first, last } of this.gaps.runs()) {
      if (last < NO_END) yield { first, last };
      else if (first < this.#slotCount) yield { first, last: this.#slotCount - 1 };
    }
  }

  isFree(slot: number): boolean {
    return this.gaps.covers(slot, slot);
  }

  #store(first: number, count: number): ClaimFailure | undefined {
    if (!this.#allocateNode()) return '-ENOMEM';
    this.gaps.clear(first, first + count - 1);
    return undefined;
  }
}
