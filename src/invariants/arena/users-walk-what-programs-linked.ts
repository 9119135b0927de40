import { JournaledMap } from '../../base/journal.ts';
import { type Ghost, invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';

/** The keys of every structure in the order of their insertion; the youngest of a list comes first. */
class Linked {
  readonly keys: JournaledMap<object, Readonly<Record<string, readonly bigint[]>>>;

  constructor({ journal }: ArenaWorld) {
    this.keys = new JournaledMap(journal);
  }

  of(structures: object, shape: string): readonly bigint[] {
    return this.keys.get(structures)?.[shape] ?? [];
  }

  set(structures: object, shape: string, keys: readonly bigint[]): void {
    this.keys.set(structures, { ...this.keys.get(structures), [shape]: keys });
  }
}

const ledgers = new WeakMap<ArenaWorld, Linked>();

const linkedKeys: Ghost<ArenaWorld> = {
  name: 'linked-keys',
  begin: (world) => void ledgers.set(world, new Linked(world)),
  follow(world, { operation, taken, returned }) {
    if (returned instanceof Refusal) return;
    const linked = ledgers.get(world)!;
    const structures = taken.structures as object;
    if (operation.name === 'linked_insert') {
      const shape = taken.shape as string;
      linked.set(structures, shape, [BigInt(taken.key as number), ...linked.of(structures, shape)]);
    }
    if (operation.name === 'linked_pop') linked.set(structures, 'list', linked.of(structures, 'list').slice(1));
  },
};

/** The second use case: pointers that programs cast are pointers that user space can follow. */
export const usersWalkWhatProgramsLinked = invariant<ArenaWorld>({
  name: 'users-walk-what-programs-linked',
  law: 'User space meets exactly the keys that programs have linked, in the order of the structure.',
  ghosts: [linkedKeys],
  concerns: (_, { operation }) => operation.name === 'linked_walk',
  judgeStep(world, { taken, returned }, violated) {
    const shape = taken.shape as string;
    const inserted = ledgers.get(world)!.of(taken.structures as object, shape);
    const expected = shape === 'list' ? inserted : ordered(inserted, shape);
    const met = (returned as readonly (bigint | null)[]).join(' ');
    if (met !== expected.join(' ')) violated(`the ${shape} holds ${expected.join(' ')} and user space met ${met}`);
  },
});

/** A tree is met in the order of its keys; a hash table bucket by bucket, the youngest of each first. */
function ordered(keys: readonly bigint[], shape: string): readonly bigint[] {
  if (shape === 'hash')
    return [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].flatMap((bucket) => keys.filter((key) => key % 8n === bucket));
  return keys.toSorted((left, right) => (left < right ? -1 : left > right ? 1 : 0));
}
