import type { Journal } from './journal.ts';

/** A half-open range of addresses [start, end), whatever else it carries. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The content of a tree at one moment. Nodes never change, so it stays valid whatever becomes of the tree. */
export type RangeSnapshot<Item extends Range> = Node<Item> | undefined;

interface Node<Item extends Range> {
  readonly item: Item;
  readonly left: RangeSnapshot<Item>;
  readonly right: RangeSnapshot<Item>;
  /** Length of the longest range in this subtree: what lets a search pass over whole subtrees. */
  readonly longest: number;
  readonly count: number;
}

/**
 * Disjoint ranges by address, under a journal: insertion, removal, lookup and lowest-address first fit in logarithmic time.
 *
 * A treap of immutable nodes: each change makes a new path and is one entry in the journal, so that undoing it is one
 * assignment and the state before a step can still be read after it. A node's priority is a hash of its start, which makes the
 * shape depend on the content alone.
 */
export class RangeTree<Item extends Range> {
  /** What it holds now. Read it freely; only the tree itself sets it. */
  snapshot: RangeSnapshot<Item> = undefined;
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get size(): number {
    return this.snapshot?.count ?? 0;
  }

  /** The ranges in order of address. */
  [Symbol.iterator](): Iterator<Item> {
    return rangesIn(this.snapshot);
  }

  /** The range that holds the address. */
  at(address: number): Item | undefined {
    const item = this.lastFrom(address);
    return item !== undefined && address < item.end ? item : undefined;
  }

  /** The last range that starts at the address or below it. */
  lastFrom(address: number): Item | undefined {
    let found: Item | undefined;
    for (let node = this.snapshot; node !== undefined; ) {
      if (node.item.start <= address) {
        found = node.item;
        node = node.right;
      } else node = node.left;
    }
    return found;
  }

  /** The first range that starts at the address or above it. */
  firstFrom(address: number): Item | undefined {
    let found: Item | undefined;
    for (let node = this.snapshot; node !== undefined; ) {
      if (node.item.start >= address) {
        found = node.item;
        node = node.left;
      } else node = node.right;
    }
    return found;
  }

  /** The lowest range of at least `length` that ends above `from` and passes the test; only such ranges are tested. */
  lowest(length: number, fits: (item: Item) => boolean = always, from = Number.NEGATIVE_INFINITY): Item | undefined {
    return lowestIn(this.snapshot, { length, fits, from });
  }

  /** The ranges of at least `length` in order of address, as they are now; whole subtrees of shorter ones are passed over. */
  ofLength(length: number): readonly Item[] {
    const found: Item[] = [];
    collectLong(this.snapshot, length, found);
    return found;
  }

  /** Adds a range that meets no other. */
  insert(item: Item): void {
    const [below, above] = split(this.snapshot, item.start);
    this.#become(join(join(below, node(item, undefined, undefined)), above));
  }

  /** Takes out the range that starts at the address; does nothing when there is none. */
  remove(start: number): void {
    const [below, rest] = split(this.snapshot, start);
    const [found, above] = split(rest, start + 1);
    if (found !== undefined) this.#become(join(below, above));
  }

  #become(snapshot: RangeSnapshot<Item>): void {
    this.#journal.set<RangeTree<Item>, 'snapshot'>(this, 'snapshot', snapshot);
  }
}

/** The ranges of a snapshot in order of address. */
export function* rangesIn<Item extends Range>(snapshot: RangeSnapshot<Item>): Generator<Item> {
  const path: Node<Item>[] = [];
  for (let at = snapshot; at !== undefined || path.length > 0; ) {
    for (; at !== undefined; at = at.left) path.push(at);
    const next = path.pop()!;
    yield next.item;
    at = next.right;
  }
}

/** Adds a range and merges it with the neighbours that it touches. Returns what came of it. */
export function insertMerged(tree: RangeTree<Range>, { start, end }: Range): Range {
  const below = tree.lastFrom(start);
  const above = tree.firstFrom(end);
  const merged = {
    start: below?.end === start ? below.start : start,
    end: above?.start === end ? above.end : end,
  };
  if (merged.start !== start) tree.remove(merged.start);
  if (merged.end !== end) tree.remove(end);
  tree.insert(merged);
  return merged;
}

const always = () => true;

interface Wanted<Item> {
  readonly length: number;
  readonly fits: (item: Item) => boolean;
  readonly from: number;
}

function lowestIn<Item extends Range>(tree: RangeSnapshot<Item>, wanted: Wanted<Item>): Item | undefined {
  if (tree === undefined || tree.longest < wanted.length) return undefined;
  const { item, left, right } = tree;
  if (item.end > wanted.from) {
    const found = item.start > wanted.from ? lowestIn(left, wanted) : undefined;
    if (found !== undefined) return found;
    if (item.end - item.start >= wanted.length && wanted.fits(item)) return item;
  }
  return lowestIn(right, wanted);
}

function collectLong<Item extends Range>(tree: RangeSnapshot<Item>, length: number, found: Item[]): void {
  if (tree === undefined || tree.longest < length) return;
  collectLong(tree.left, length, found);
  if (tree.item.end - tree.item.start >= length) found.push(tree.item);
  collectLong(tree.right, length, found);
}

function node<Item extends Range>(item: Item, left: RangeSnapshot<Item>, right: RangeSnapshot<Item>): Node<Item> {
  const longest = Math.max(item.end - item.start, left?.longest ?? 0, right?.longest ?? 0);
  return { item, left, right, longest, count: 1 + (left?.count ?? 0) + (right?.count ?? 0) };
}

/** Ranges that start below the address, and the others. */
function split<Item extends Range>(
  tree: RangeSnapshot<Item>,
  start: number,
): readonly [RangeSnapshot<Item>, RangeSnapshot<Item>] {
  if (tree === undefined) return [undefined, undefined];
  if (tree.item.start < start) {
    const [below, above] = split(tree.right, start);
    return [node(tree.item, tree.left, below), above];
  }
  const [below, above] = split(tree.left, start);
  return [below, node(tree.item, above, tree.right)];
}

/** One tree of two, where all of `below` lies below all of `above`. */
function join<Item extends Range>(below: RangeSnapshot<Item>, above: RangeSnapshot<Item>): RangeSnapshot<Item> {
  if (below === undefined) return above;
  if (above === undefined) return below;
  if (priority(below.item.start) > priority(above.item.start)) {
    return node(below.item, below.left, join(below.right, above));
  }
  return node(above.item, join(below, above.left), above.right);
}

/** A hash that scatters neighbouring and page-aligned addresses alike (the finalizer of MurmurHash3, public domain). */
function priority(start: number): number {
  let hash = (start | 0) ^ Math.floor(start / 0x1_0000_0000);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
