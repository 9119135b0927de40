import type { Runs } from '../../model/bpf/arena-observation.ts';
import type { FieldName, KernelObjects } from './kernel-objects.ts';
import type { PageWalk } from './page-walk.ts';

/**
 * `struct bpf_arena` of the running kernel, read where it lies: the tree of free slots and the page tables of its window. The
 * caller is the only user of the arena, so nothing changes while it is read.
 */
export class ArenaObject {
  readonly #objects: KernelObjects;
  readonly #walk: PageWalk;
  /** Undefined where the kernel keeps no tree of free slots. */
  readonly #tree: bigint | undefined;
  /** The first page of the low 4 GiB of the window (kern_vm_start), as a page number. */
  readonly windowPage: number;

  constructor({ objects, walk, tellsFreeSlots }: LookInside, arena: bigint) {
    this.#objects = objects;
    this.#walk = walk;
    this.#tree = tellsFreeSlots
      ? objects.placeOf(arena, 'bpf_arena.rt') + objects.offset('range_tree.it_root')
      : undefined;
    const area = objects.word(objects.word(arena, 'bpf_arena.kern_vm'), 'vm_struct.addr');
    this.windowPage = Number(area >> 12n) + HALF_GUARD_PAGES;
  }

  /** The free slots as runs, in order; undefined before 6.13 (kernel/bpf/range_tree.c: an augmented tree ordered by the first slot). */
  freeRuns(): Runs | undefined {
    if (this.#tree === undefined) return undefined;
    const runs: Runs = [];
    this.#collect(this.#objects.wordAt(this.#tree), runs);
    return runs;
  }

  /** The pages of the window that are present, relative to its start; those of the upper guard have numbers from 2^20 on. */
  presentPages(): Runs {
    const runs: Runs = [];
    const first = this.windowPage;
    this.#walk.eachMappedPage(first - HALF_GUARD_PAGES, first + WINDOW_PAGES + HALF_GUARD_PAGES, (page) => {
      const last = runs.at(-1);
      if (last !== undefined && last[1] === page - first - 1) last[1] = page - first;
      else runs.push([page - first, page - first]);
    });
    return runs;
  }

  #collect(node: bigint, runs: Runs): void {
    if (node === 0n) return;
    const objects = this.#objects;
    const range = node - objects.offset('range_node.rn_rbnode');
    const bytes = objects.bytesAt(range, RANGE_NODE_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, RANGE_NODE_BYTES);
    const inNode = (field: FieldName) => Number(objects.offset('range_node.rn_rbnode') + objects.offset(field));
    const left = view.getBigUint64(inNode('rb_node.rb_left'), true);
    const right = view.getBigUint64(inNode('rb_node.rb_right'), true);
    const first = view.getUint32(Number(objects.offset('range_node.rn_start')), true);
    const last = view.getUint32(Number(objects.offset('range_node.rn_last')), true);
    this.#collect(left, runs);
    runs.push([first, last]);
    this.#collect(right, runs);
  }
}

/** What looking into an arena takes. */
interface LookInside {
  readonly objects: KernelObjects;
  readonly walk: PageWalk;
  readonly tellsFreeSlots: boolean;
}

/** What {@link ArenaObject} asks the kernel's BTF for. */
export const ARENA_FIELDS: readonly FieldName[] = ['bpf_arena.kern_vm', 'vm_struct.addr'];

/** And for its free slots. */
export const FREE_SLOT_FIELDS: readonly FieldName[] = [
  'bpf_arena.rt',
  'range_tree.it_root',
  'range_node.rn_rbnode',
  'range_node.rn_start',
  'range_node.rn_last',
  'rb_node.rb_left',
  'rb_node.rb_right',
];

/** 32 KiB to either side of the 4 GiB that pointers reach (facts of kernel/bpf/arena.c: GUARD_SZ / 2). */
const HALF_GUARD_PAGES = 8;
const WINDOW_PAGES = 2 ** 20;
/** As much of a node as holds all its fields. */
const RANGE_NODE_BYTES = 64;
