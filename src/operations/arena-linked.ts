import { integer, made, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import { type ArenaScene, openScene, sceneArguments } from './arena-scene.ts';

/**
 * The second use case: programs build lists, hash tables and trees in the arena, and user space walks them by the pointers
 * that stand there, cast to user space. Page 0 holds the heads; nodes of 32 bytes are cut from pages as they are needed.
 *
 *   offset 0: bump pointer   8: list head   16: tree root   24 and on: eight bucket heads
 *   node: next or left (8)   right (8)   key (8)   unused (8)
 */
const NODE = 32n;
const BUMP = 0n;
const LIST = 8n;
const ROOT = 16n;
const BUCKETS = 24n;
const RIGHT = 8n;
const KEY = 16n;
/** A walk gives up after so many nodes: a circle would never end. */
const MOST_NODES = 4096;

export type LinkedShape = 'list' | 'hash' | 'tree';
const shapeArgument = oneOf(['list', 'hash', 'tree']);
const keyArgument = integer({ min: 1, max: 1_000_000, default: 1, typical: ({ random }) => random.between(1, 40) });

const open = operation({
  name: 'linked_open',
  does: 'User space makes an arena for linked structures, maps it and touches its first page; a program is loaded.',
  makes: 'structures',
  takes: sceneArguments,
  ready: ({ arenas }: ArenaWorld) => arenas.live.length < 2,
  apply: (world: ArenaWorld, shape) => openScene(world, { ...shape, no_user_conv: false }) ?? refuse('-ENOMEM'),
  shows: () => 0,
});

const insert = operation({
  name: 'linked_insert',
  does: 'A program links a new node into the list, its bucket or the tree.',
  weight: 4,
  takes: { structures: made<ArenaScene>('structures'), shape: shapeArgument, key: keyArgument },
  apply(_: ArenaWorld, { structures, shape, key }) {
    const node = newNode(structures);
    if (node === undefined) return refuse('NULL');
    structures.store(node + KEY, BigInt(key));
    if (shape === 'tree') {
      linkIntoTree(structures, node, BigInt(key));
    } else {
      const head = structures.base + headOf(shape, key);
      structures.store(node, structures.load(head));
      structures.store(head, structures.program.castToUser(node));
    }
    return 0;
  },
});

const pop = operation({
  name: 'linked_pop',
  does: 'A program takes the first node off the list.',
  takes: { structures: made<ArenaScene>('structures') },
  apply(_: ArenaWorld, { structures }) {
    const head = structures.base + LIST;
    const node = structures.load(head);
    if (node === 0n) return null;
    structures.store(head, structures.load(node));
    return structures.load(node + KEY);
  },
});

const walk = operation({
  name: 'linked_walk',
  does: 'User space follows the pointers natively and tells the keys in the order in which it meets them.',
  weight: 2,
  takes: { structures: made<ArenaScene>('structures'), shape: shapeArgument },
  apply(_: ArenaWorld, { structures, shape }): readonly (bigint | null)[] {
    if (shape === 'tree') return walkTree(structures, structures.read(structures.base + ROOT));
    const heads = shape === 'list' ? [LIST] : Array.from({ length: 8 }, (_, bucket) => BUCKETS + BigInt(bucket) * 8n);
    return heads.flatMap((head) => walkList(structures, structures.read(structures.base + head)));
  },
});

const headOf = (shape: LinkedShape, key: number): bigint => (shape === 'list' ? LIST : BUCKETS + BigInt(key % 8) * 8n);

/** A zeroed node: cut from the current page, or the first of a new one. */
function newNode(structures: ArenaScene): bigint | undefined {
  const bump = structures.base + BUMP;
  let node = structures.load(bump);
  if ((node & 0xfffn) === 0n) {
    const page = structures.allocate(1);
    if (page === undefined) return undefined;
    node = page === 0n ? page : page + NODE;
  }
  structures.store(bump, (node & 0xfffn) + NODE > 0xfffn ? 0n : node + NODE);
  return node;
}

function linkIntoTree(structures: ArenaScene, node: bigint, key: bigint): void {
  let link = structures.base + ROOT;
  for (let at = structures.load(link); at !== 0n; at = structures.load(link)) {
    link = key < structures.load(at + KEY) ? at : at + RIGHT;
  }
  structures.store(link, structures.program.castToUser(node));
}

/** A key of null stands for memory that user space could not read. */
function walkList(structures: ArenaScene, head: bigint | undefined): (bigint | null)[] {
  const keys: (bigint | null)[] = [];
  let node = head;
  while (node !== 0n && keys.length < MOST_NODES) {
    if (node === undefined) return [...keys, null];
    keys.push(structures.read(node + KEY) ?? null);
    node = structures.read(node);
  }
  return keys;
}

function walkTree(structures: ArenaScene, node: bigint | undefined, depth = 0): (bigint | null)[] {
  if (node === 0n) return [];
  if (node === undefined || depth > MOST_NODES) return [null];
  const left = walkTree(structures, structures.read(node), depth + 1);
  const right = walkTree(structures, structures.read(node + RIGHT), depth + 1);
  return [...left, structures.read(node + KEY) ?? null, ...right];
}

export const arenaLinkedOperations = [open, insert, pop, walk] as const;
