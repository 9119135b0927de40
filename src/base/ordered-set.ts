import { assert } from './assert.ts';
import type { Journal, Undoable } from './journal.ts';

/** Items in one block at most; a full block splits in two. Chosen so that moving a block's tail costs less than a miss. */
const BLOCK = 256;

/**
 * A set in the order of a comparison, under a journal: blocks of sorted items in a sorted list of blocks. Finding an item
 * takes two binary searches; adding and removing moves at most one block's tail, so the cost stays flat up to some
 * hundred thousand items. What a search asks for need not be an item, only comparable to one. An undo performs the opposite
 * change; which block an item lies in is nobody's business.
 */
export class OrderedSet<Item extends Probe, Probe = Item> implements Undoable {
  readonly #journal: Journal;
  readonly #compare: (left: Probe, right: Probe) => number;
  readonly #blocks: Item[][] = [];
  #size = 0;

  /** @param compare negative when `left` comes first, 0 only for the same item */
  constructor(journal: Journal, compare: (left: Probe, right: Probe) => number) {
    this.#journal = journal;
    this.#compare = compare;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds an item that is not there yet. */
  add(item: Item): void {
    this.#journal.record(this, 'added', item);
    this.#insert(item);
  }

  /** Removes an item that is there. */
  delete(item: Item): void {
    this.#journal.record(this, 'deleted', item);
    this.#remove(item);
  }

  /** The first item that does not come before the probe. */
  ceiling(probe: Probe): Item | undefined {
    const block = this.#blockBefore(probe);
    const items = this.#blocks[block];
    if (items === undefined) return this.#blocks[0]?.[0];
    const index = this.#lowerBound(items, probe);
    return index < items.length ? items[index] : this.#blocks[block + 1]?.[0];
  }

  /** The last item that does not come after the probe. */
  floor(probe: Probe): Item | undefined {
    const items = this.#blocks[this.#blockBefore(probe)];
    if (items === undefined) return undefined;
    const index = this.#lowerBound(items, probe);
    const at = items[index];
    return at !== undefined && this.#compare(at, probe) === 0 ? at : items[index - 1];
  }

  /** The items in order. The set must not change meanwhile. */
  *items(): Generator<Item> {
    for (const block of this.#blocks) yield* block;
  }

  undo(change: unknown, item: unknown): void {
    if (change === 'added') this.#remove(item as Item);
    else this.#insert(item as Item);
  }

  #insert(item: Item): void {
    const block = Math.max(0, this.#blockBefore(item));
    const items = this.#blocks[block];
    this.#size++;
    if (items === undefined) {
      this.#blocks.push([item]);
      return;
    }
    items.splice(this.#lowerBound(items, item), 0, item);
    if (items.length > BLOCK) this.#blocks.splice(block + 1, 0, items.splice(BLOCK / 2));
  }

  #remove(item: Item): void {
    const block = this.#blockBefore(item);
    const items = this.#blocks[block];
    const index = items === undefined ? 0 : this.#lowerBound(items, item);
    assert(items?.[index] !== undefined && this.#compare(items[index], item) === 0, 'the removed item is in the set');
    this.#size--;
    if (items.length === 1) this.#blocks.splice(block, 1);
    else items.splice(index, 1);
  }

  /** The last block whose first item does not come after the probe; -1 when there is none. */
  #blockBefore(probe: Probe): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare((this.#blocks[middle] as Item[])[0] as Item, probe) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #lowerBound(items: readonly Item[], probe: Probe): number {
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(items[middle] as Item, probe) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
