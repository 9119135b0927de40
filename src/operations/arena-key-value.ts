import { integer, made, word64 } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import { type ArenaScene, openScene, sceneArguments } from './arena-scene.ts';

/**
 * The first use case of the arena's introduction: user space keeps a key/value store in the arena, and programs look keys
 * up without a system call. The table is open addressing over the whole arena: 16 bytes an entry, key 0 for none.
 */
const ENTRY = 16n;
const DELETED = (1n << 64n) - 1n;

const keyArgument = integer({ min: 1, max: 1_000_000, default: 1, typical: ({ random }) => random.between(1, 24) });

/** Addresses of the entries to try for a key, at most 32 of them. */
function* probes(store: ArenaScene, key: number): Generator<bigint> {
  const entries = BigInt(store.mapping.arena.attributes.maxEntries) * (4096n / ENTRY);
  const hash = (BigInt(key) * 0x9e37_79b9n) % entries;
  for (let step = 0n; step < 32n && step < entries; step++) yield store.base + ((hash + step) % entries) * ENTRY;
}

const open = operation({
  name: 'kv_open',
  does: 'User space makes an arena for a store and maps it; a program that looks keys up is loaded.',
  makes: 'store',
  takes: sceneArguments,
  ready: ({ arenas }: ArenaWorld) => arenas.live.length < 2,
  apply: (world: ArenaWorld, shape) => openScene(world, shape) ?? refuse('-ENOMEM'),
  shows: () => 0,
});

const put = operation({
  name: 'kv_put',
  does: 'User space stores a value under a key, over the old one.',
  weight: 3,
  takes: { store: made<ArenaScene>('store'), key: keyArgument, value: word64({ default: 1n }) },
  apply(_: ArenaWorld, { store, key, value }) {
    let place: bigint | undefined;
    for (const address of probes(store, key)) {
      const held = store.read(address);
      if (held === BigInt(key)) {
        place = address;
        break;
      }
      if (held === 0n || held === DELETED) place ??= address;
      if (held === 0n) break;
    }
    if (place === undefined) return refuse('the table is full there');
    return store.write(place + 8n, value) && store.write(place, BigInt(key)) ? 0 : refuse('-EFAULT');
  },
});

const remove = operation({
  name: 'kv_delete',
  does: 'User space deletes a key.',
  takes: { store: made<ArenaScene>('store'), key: keyArgument },
  apply(_: ArenaWorld, { store, key }) {
    for (const address of probes(store, key)) {
      const held = store.read(address);
      if (held === 0n) break;
      if (held === BigInt(key)) return store.write(address, DELETED) ? 0 : refuse('-EFAULT');
    }
    return refuse('no such key');
  },
});

const lookup = operation({
  name: 'kv_lookup',
  does: 'A program looks a key up by plain loads; pages that were never touched read as empty entries.',
  weight: 3,
  takes: { store: made<ArenaScene>('store'), key: keyArgument },
  apply(_: ArenaWorld, { store, key }) {
    for (const address of probes(store, key)) {
      const held = store.load(address);
      if (held === 0n) break;
      if (held === BigInt(key)) return store.load(address + 8n);
    }
    return null;
  },
});

const remap = operation({
  name: 'kv_remap',
  does: 'User space maps the arena anew over itself; its content belongs to the map and stays.',
  weight: 0.3,
  takes: { store: made<ArenaScene>('store') },
  apply: (_: ArenaWorld, { store }) => (store.map() ? 0 : refuse('-ENOMEM')),
});

export const arenaKeyValueOperations = [open, put, remove, lookup, remap] as const;
