import type { Ghost, Happened } from '../../language/invariant.ts';
import { Frame, replacedWords } from '../../model/machine/frame.ts';
import { pagesAtLevel } from '../../model/machine/page-table.ts';
import { flagsOf, frameOf, isExecutable } from '../../model/machine/page-table-entry.ts';
import type { World } from '../../model/world.ts';
import { EventOrder, type TablesBefore } from './event-order.ts';
import { type LeafListener, type Mapping, type MirroredTable, mappingOf, TableMirror } from './table-mirror.ts';

/** Where a mapping stands: the direct map, the kernel image's high mapping, vmalloc and module space, or a user half. */
export type Alias = 'direct-map' | 'image' | 'vmalloc' | 'user';

/** A leaf that took the place of a table, and what the table's entries said when it went. */
export interface Collapse {
  readonly leaf: Mapping;
  readonly entries: readonly { readonly flags: number; readonly frame: number }[];
}

/** How many leaves of each level an alias has, those taken out for a while too; index 0 is not used. */
export type LeafCounts = [number, number, number, number];

/**
 * Which mappings lead to a frame, over all page tables of a world, and what changed in them in the last step. The direct map
 * is not indexed: there a frame's page is known by arithmetic.
 */
export class MappingIndex implements LeafListener, TablesBefore {
  /** The order of events inside the last step. */
  readonly order: EventOrder;
  readonly counts: Readonly<Record<Alias, LeafCounts>> = {
    'direct-map': [0, 0, 0, 0],
    image: [0, 0, 0, 0],
    vmalloc: [0, 0, 0, 0],
    user: [0, 0, 0, 0],
  };
  /** Leaves that came or changed in the last step, as they are now; and leaves that went or changed, as they were. */
  readonly changed: Mapping[] = [];
  readonly gone: Mapping[] = [];
  /** Tables that gave way to a leaf in the last step. */
  readonly collapses: Collapse[] = [];
  readonly #world: World;
  readonly #mirror: TableMirror;
  /** By level, by number of the leaf-sized block of frames. */
  readonly #byBlock: readonly Map<number, readonly Mapping[]>[] = [new Map(), new Map(), new Map(), new Map()];
  /** How many indexed 4 KiB leaves map frames of a 2 MiB block. */
  readonly #smallIn2M = new Map<number, number>();

  constructor(world: World) {
    this.#world = world;
    this.order = new EventOrder(world, this);
    const { machine, textPoke } = world;
    this.#mirror = new TableMirror(world.journal, machine.memory, this);
    this.#mirror.watch(machine.kernelTables.root, machine.kernelTables.levels, 0);
    const { user, id } = textPoke.space;
    if (user !== undefined) this.#mirror.watch(user.root, user.levels, id);
  }

  follow(happened: Happened): void {
    this.changed.length = 0;
    this.gone.length = 0;
    this.order.read(happened);
    this.#mirror.follow(happened.changes.of(Frame));
    this.#findCollapses(happened);
  }

  /** The leaf of a page. */
  leafAt(page: number, space = 0): Mapping | undefined {
    return this.#mirror.leafAt(page, space);
  }

  /** The direct map's leaf of a frame. */
  directLeaf(frame: number): Mapping | undefined {
    return this.#mirror.leafAt(this.#world.directMap.pageOf(frame), 0);
  }

  /** Every leaf of every page table. */
  leaves(): Iterable<Mapping> {
    return this.#mirror.leaves();
  }

  /** Every mapping, the direct map's included, that shares a frame with this one; itself too. */
  sharing({ frame, level }: Pick<Mapping, 'frame' | 'level'>): readonly Mapping[] {
    const found: Mapping[] = [];
    const end = frame + pagesAtLevel(level);
    this.#addLarge(3, frame, end, found);
    this.#addLarge(2, frame, end, found);
    for (let block = frame >>> 9; block * 512 < end; block++) {
      if (!this.#smallIn2M.has(block)) continue;
      const last = Math.min(end, block * 512 + 512);
      for (let at = Math.max(frame, block * 512); at < last; at++) append(found, this.#byBlock[1]!.get(at));
    }
    for (let at = frame; at < end; ) {
      const leaf = this.directLeaf(at);
      if (leaf !== undefined) found.push(leaf);
      at = leaf === undefined ? at + 1 : leaf.frame + pagesAtLevel(leaf.level);
    }
    return found;
  }

  levelOf(table: number): number | undefined {
    return this.#mirror.table(table)?.level;
  }

  isDirectMapTable(table: number): boolean {
    const mirrored = this.#mirror.table(table);
    return mirrored !== undefined && this.#world.directMap.has(mirrored.firstPage);
  }

  isPokeTable(table: number): boolean {
    return this.#mirror.table(table)?.space === this.#world.textPoke.space.id;
  }

  isExecutable(frame: number): boolean {
    return (
      this.#someExecutable(1, frame) || this.#someExecutable(2, frame >>> 9) || this.#someExecutable(3, frame >>> 18)
    );
  }

  aliasOf({ page, space }: Mapping): Alias {
    if (space !== 0) return 'user';
    if (this.#world.directMap.has(page)) return 'direct-map';
    const { first, end } = this.#world.image.whole;
    return page >= first && page < end ? 'image' : 'vmalloc';
  }

  added(table: MirroredTable, index: number, words: Uint32Array): void {
    const mapping = mappingOf(table, index, words);
    this.changed.push(mapping);
    if (this.#world.directMap.has(mapping.page)) return;
    const block = blockOf(mapping);
    const byBlock = this.#byBlock[mapping.level]!;
    const others = byBlock.get(block);
    byBlock.set(block, others === undefined ? [mapping] : [...others, mapping]);
    if (mapping.level === 1) this.#countSmall(mapping.frame >>> 9, 1);
  }

  removed(table: MirroredTable, index: number, words: Uint32Array): void {
    const mapping = mappingOf(table, index, words);
    this.gone.push(mapping);
    if (this.#world.directMap.has(mapping.page)) return;
    const block = blockOf(mapping);
    const byBlock = this.#byBlock[mapping.level]!;
    const there = byBlock.get(block);
    if (there === undefined || there.length === 1) byBlock.delete(block);
    else byBlock.set(block, without(there, mapping));
    if (mapping.level === 1) this.#countSmall(mapping.frame >>> 9, -1);
  }

  counted(table: MirroredTable, index: number, by: number): void {
    const alias = this.aliasOf(mappingOf(table, index, table.words));
    this.counts[alias][table.level as 1 | 2 | 3] += by;
  }

  #someExecutable(level: number, block: number): boolean {
    return this.#byBlock[level]!.get(block)?.some(({ flags }) => isExecutable(flags)) ?? false;
  }

  #findCollapses({ changes }: Happened): void {
    this.collapses.length = 0;
    if (this.#mirror.dropped.length === 0) return;
    const leafOf = new Map<number, Mapping>();
    for (const table of this.#mirror.dropped) {
      const leaf = this.leafAt(table.firstPage, table.space);
      if (leaf !== undefined && leaf.level === table.level + 1) leafOf.set(table.number, leaf);
    }
    const lastWords = new Map<number, Uint32Array>();
    changes.each((owner, _, old) => {
      const words = owner instanceof Frame && leafOf.has(owner.number) ? replacedWords(old) : undefined;
      if (words !== undefined) lastWords.set((owner as Frame).number, words);
    });
    for (const [number, leaf] of leafOf) {
      const words = lastWords.get(number);
      if (words?.some((word) => word !== 0)) this.collapses.push({ leaf, entries: entriesIn(words) });
    }
  }

  #addLarge(level: 2 | 3, first: number, end: number, found: Mapping[]): void {
    const leaves = this.#byBlock[level]!;
    if (leaves.size === 0) return;
    const span = pagesAtLevel(level);
    for (let block = Math.floor(first / span); block * span < end; block++) append(found, leaves.get(block));
  }

  #countSmall(block: number, by: 1 | -1): void {
    const count = (this.#smallIn2M.get(block) ?? 0) + by;
    if (count === 0) this.#smallIn2M.delete(block);
    else this.#smallIn2M.set(block, count);
  }
}

/** The mappings but the one of that page; each page of a space has one. */
const without = (all: readonly Mapping[], gone: Mapping): readonly Mapping[] =>
  all.filter(({ page, space }) => page !== gone.page || space !== gone.space);

function append(found: Mapping[], more: readonly Mapping[] | undefined): void {
  if (more !== undefined) for (const mapping of more) found.push(mapping);
}

function entriesIn(words: Uint32Array): Collapse['entries'] {
  return Array.from({ length: 512 }, (_, index) => ({
    flags: flagsOf(words[2 * index]!, words[2 * index + 1]!),
    frame: frameOf(words[2 * index]!, words[2 * index + 1]!),
  }));
}

const blockOf = ({ frame, level }: Mapping): number => frame / pagesAtLevel(level);

const indexes = new WeakMap<World, MappingIndex>();

/** The index of a world; its ghost must be among the ghosts of the law that asks. */
export function mappingsOf(world: World): MappingIndex {
  const index = indexes.get(world);
  if (index === undefined) throw new Error('the ghost "mappings" follows this world');
  return index;
}

/** Follows every page table of the world: see {@link MappingIndex}. */
export const mappings: Ghost<World> = {
  name: 'mappings',
  begin(world) {
    indexes.set(world, new MappingIndex(world));
  },
  follow(world, happened) {
    mappingsOf(world).follow(happened);
  },
};
