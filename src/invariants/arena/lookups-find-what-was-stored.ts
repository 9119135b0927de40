import { JournaledMap } from '../../base/journal.ts';
import { type Ghost, invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';

/** What user space has put into each store, by key. */
type Shelves = JournaledMap<object, ReadonlyMap<unknown, bigint>>;

const shelves = new WeakMap<ArenaWorld, Shelves>();

const storedPairs: Ghost<ArenaWorld> = {
  name: 'stored-pairs',
  begin: (world) => void shelves.set(world, new JournaledMap(world.journal)),
  follow(world, { operation, taken, returned }) {
    if (returned instanceof Refusal || (operation.name !== 'kv_put' && operation.name !== 'kv_delete')) return;
    const all = shelves.get(world)!;
    const pairs = new Map(all.get(taken.store as object));
    if (operation.name === 'kv_put') pairs.set(taken.key, taken.value as bigint);
    else pairs.delete(taken.key);
    all.set(taken.store as object, pairs);
  },
};

/** The first use case, end to end: two sides, one memory. */
export const lookupsFindWhatWasStored = invariant<ArenaWorld>({
  name: 'lookups-find-what-was-stored',
  law: 'A program finds under a key what user space last stored there, and nothing else.',
  ghosts: [storedPairs],
  concerns: (_, { operation }) => operation.name === 'kv_lookup',
  judgeStep(world, { taken, returned }, violated) {
    const expected =
      shelves
        .get(world)!
        .get(taken.store as object)
        ?.get(taken.key) ?? null;
    if (returned !== expected) violated(`key ${taken.key} gives ${returned}, and ${expected} was stored`);
  },
});
