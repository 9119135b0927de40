import { integer, made } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import { type ArenaScene, openScene, sceneArguments } from './arena-scene.ts';

/**
 * The third use case: the arena as the heap of a program. Small objects share a page of their size class through a free
 * list that lies in the free objects themselves; larger ones are whole pages. Page 0 holds the heads of the free lists.
 */
const CLASSES = [16, 32, 64, 128, 256, 512, 1024, 2048] as const;

/** An object of the heap. */
export interface HeapObject {
  readonly heap: ArenaScene;
  readonly pointer: bigint;
  readonly size: number;
}

const open = operation({
  name: 'heap_open',
  does: 'An arena becomes the heap of a program.',
  makes: 'heap',
  takes: sceneArguments,
  ready: ({ arenas }: ArenaWorld) => arenas.live.length < 2,
  apply: (world: ArenaWorld, shape) => openScene(world, shape) ?? refuse('-ENOMEM'),
  shows: () => 0,
});

const allocate = operation({
  name: 'heap_alloc',
  does: 'A program takes an object: from the free list of its size, from a new page, or as whole pages.',
  makes: 'object',
  weight: 3,
  takes: {
    heap: made<ArenaScene>('heap'),
    size: integer({
      min: 1,
      max: 65_536,
      default: 16,
      boundaries: [16, 2048, 4096],
      typical: ({ random }) => (random.chance(0.2) ? random.between(2049, 12_000) : random.between(1, 600)),
    }),
  },
  apply(_: ArenaWorld, { heap, size }) {
    const sizeClass = CLASSES.findIndex((bytes) => bytes >= size);
    const pointer = sizeClass < 0 ? heap.allocate(pagesOf(size)) : takeFromList(heap, sizeClass);
    return pointer === undefined ? refuse('NULL') : ({ heap, pointer, size } satisfies HeapObject);
  },
  shows: (_: ArenaWorld, { heap }, made) => (made as HeapObject).pointer - heap.base,
});

const fill = operation({
  name: 'heap_fill',
  does: 'A program writes a pattern over the whole object.',
  weight: 3,
  takes: { object: made<HeapObject>('object'), byte: integer({ min: 0, max: 255, default: 1 }) },
  apply(_: ArenaWorld, { object: { heap, pointer, size }, byte }) {
    for (let at = 0; at < size; at += stepOf(size)) {
      heap.program.store({ pointer: pointer + BigInt(at), offset: 0, size: 1 }, BigInt(byte));
    }
  },
});

const check = operation({
  name: 'heap_read',
  does: 'A program reads the object: the bytes that it finds, each value once.',
  weight: 2,
  takes: { object: made<HeapObject>('object') },
  apply(_: ArenaWorld, { object: { heap, pointer, size } }): readonly number[] {
    const found = new Set<number>();
    for (let at = 0; at < size; at += stepOf(size)) {
      found.add(Number(heap.program.load({ pointer: pointer + BigInt(at), offset: 0, size: 1 }).value));
    }
    return [...found].sort((left, right) => left - right);
  },
});

const free = operation({
  name: 'heap_free',
  does: 'A program gives an object back: onto its free list, or its pages to the arena.',
  ends: 'object',
  weight: 2,
  takes: { object: made<HeapObject>('object') },
  apply(_: ArenaWorld, { object: { heap, pointer, size } }) {
    const sizeClass = CLASSES.findIndex((bytes) => bytes >= size);
    if (sizeClass < 0) {
      heap.free(pointer, pagesOf(size));
      return;
    }
    const head = headOf(heap, sizeClass);
    heap.store(pointer, heap.load(head));
    heap.store(head, pointer);
  },
});

const pagesOf = (size: number): number => Math.ceil(size / 4096);
/** Large objects are touched at some of their bytes only; every page of them is. */
const stepOf = (size: number): number => (size > 512 ? 509 : 1);
const headOf = (heap: ArenaScene, sizeClass: number): bigint => heap.base + 8n + BigInt(sizeClass) * 8n;

/** The first free object of a class; a new page is cut into a list of them. */
function takeFromList(heap: ArenaScene, sizeClass: number): bigint | undefined {
  const head = headOf(heap, sizeClass);
  let object = heap.load(head);
  if (object === 0n) {
    const page = heap.allocate(1);
    if (page === undefined) return undefined;
    const bytes = BigInt(CLASSES[sizeClass]!);
    for (let at = 4096n - bytes; at >= 0n; at -= bytes) {
      heap.store(page + at, object);
      object = page + at;
    }
  }
  heap.store(head, heap.load(object));
  return object;
}

export const arenaHeapOperations = [open, allocate, fill, check, free] as const;
