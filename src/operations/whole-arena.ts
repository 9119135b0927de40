/** Arenas as far as programs notice them: they exist, pages come and go. What user space does with them is the suite `arena`'s. */
import { integer, made, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import { NO_NODE, NULL } from '../model/bpf/arena-allocator.ts';
import { BPF_F_MMAPABLE, BPF_F_NO_USER_CONV } from '../model/bpf/arena-attributes.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import type { WholeWorld } from '../model/whole-world.ts';
import { failingArgument } from './circumstance.ts';

/** The low half of every arena's first address: what programs take for a pointer can then be written as a constant. */
export const ARENA_START = 0x2000;
export const ARENA_PAGES = 4;

const create = operation({
  name: 'arena_create',
  does: 'BPF_MAP_CREATE of an arena of four pages whose addresses end in 0x00002000 (arena.c).',
  makes: 'arena',
  weight: 2,
  takes: { conversion: oneOf(['user', 'none'], { default: 'user' }), failing: failingArgument },
  ready: ({ arenas }: WholeWorld) => arenas.live.length < 3,
  apply({ arenas, failing: plan }: WholeWorld, { conversion, failing }) {
    const attributes = {
      flags: BPF_F_MMAPABLE | (conversion === 'none' ? BPF_F_NO_USER_CONV : 0),
      maxEntries: ARENA_PAGES,
      mapExtra: 0x4800_0000_0000n + (BigInt(arenas.live.length) << 32n) + BigInt(ARENA_START),
      keySize: 0,
      valueSize: 0,
    };
    const made = plan.during(failing, () => arenas.create(attributes));
    return typeof made === 'string' ? refuse(made) : made;
  },
});

const pageArgument = integer({ min: 0, max: ARENA_PAGES - 1, default: 0 });
const countArgument = integer({ min: 1, max: ARENA_PAGES, default: 1 });

const allocPages = operation({
  name: 'bpf_arena_alloc_pages',
  does: 'Somebody maps pages at an address of the arena (arena.c).',
  weight: 4,
  takes: { arena: made<ArenaMapping>('arena'), page: pageArgument, count: countArgument, failing: failingArgument },
  apply({ arenas, failing: plan }: WholeWorld, { arena: { arena }, page, count, failing }) {
    const request = { address: arena.addressOf(page), count, node: NO_NODE, flags: 0n, sleepable: true };
    const answer = plan.during(failing, () => arenas.allocator.allocate(arena, request));
    return answer === NULL || answer === 'oops' ? refuse('NULL') : answer;
  },
});

const freePages = operation({
  name: 'bpf_arena_free_pages',
  does: 'Somebody unmaps pages of the arena (arena.c).',
  weight: 2,
  takes: { arena: made<ArenaMapping>('arena'), page: pageArgument, count: countArgument },
  apply({ arenas }: WholeWorld, { arena: { arena }, page, count }) {
    arenas.frees.free(arena, arena.addressOf(page), count, true);
  },
});

export const wholeArenaOperations = [create, allocPages, freePages] as const;
