import { JournaledMap } from '../../base/journal.ts';
import { type Ghost, invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';

/** What an object of a heap is, as far as its law needs it. */
interface Extent {
  readonly heap: object;
  readonly pointer: bigint;
  readonly size: number;
}

/** Live objects and what fills them; undefined until somebody has. */
const heaps = new WeakMap<ArenaWorld, JournaledMap<Extent, number | undefined>>();

const heapObjects: Ghost<ArenaWorld> = {
  name: 'heap-objects',
  begin: (world) => void heaps.set(world, new JournaledMap(world.journal)),
  follow(world, { operation, taken, returned }) {
    if (returned instanceof Refusal) return;
    const objects = heaps.get(world)!;
    if (operation.name === 'heap_alloc') objects.set(returned as Extent, undefined);
    if (operation.name === 'heap_fill') objects.set(taken.object as Extent, taken.byte as number);
    if (operation.name === 'heap_free') objects.delete(taken.object as Extent);
  },
};

/** The third use case: nobody else writes to an object. */
export const heapObjectsKeepTheirBytes = invariant<ArenaWorld>({
  name: 'heap-objects-keep-their-bytes',
  law: 'An object of the heap reads as it was last filled.',
  ghosts: [heapObjects],
  concerns: (world, { operation, taken }) =>
    operation.name === 'heap_read' && heaps.get(world)!.get(taken.object as Extent) !== undefined,
  judgeStep(world, { taken, returned }, violated) {
    const byte = heaps.get(world)!.get(taken.object as Extent);
    const found = returned as readonly number[];
    if (found.length !== 1 || found[0] !== byte) violated(`filled with ${byte}, reads ${found.join(', ')}`);
  },
});

export const heapObjectsAreDisjoint = invariant<ArenaWorld>({
  name: 'heap-objects-are-disjoint',
  law: 'No two live objects of a heap share a byte.',
  ghosts: [heapObjects],
  concerns: (_, { operation, returned }) => operation.name === 'heap_alloc' && !(returned instanceof Refusal),
  judgeStep(world, { returned }, violated) {
    const { heap, pointer, size } = returned as Extent;
    for (const other of heaps.get(world)!.keys()) {
      if (other === returned || other.heap !== heap) continue;
      if (other.pointer < pointer + BigInt(size) && pointer < other.pointer + BigInt(other.size)) {
        violated(
          `[0x${pointer.toString(16)}, ${size} bytes) meets [0x${other.pointer.toString(16)}, ${other.size} bytes)`,
        );
      }
    }
  },
});
