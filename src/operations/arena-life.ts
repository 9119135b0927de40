import { boolean, integer, made, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import { BPF_F_MMAPABLE, BPF_F_NO_USER_CONV, BPF_F_SEGV_ON_FAULT } from '../model/bpf/arena-attributes.ts';
import { elementOperation, freezeArena } from '../model/bpf/arena-elements.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import { arenaCall } from './arena-call.ts';
import { carefully } from './careful-caller.ts';
import { failingArgument } from './circumstance.ts';

/** Where the creator wants the arena: `map_extra`. */
const places = {
  none: 0n,
  page: 0x4800_0000_2000n,
  aligned: 0x4801_0000_0000n,
  'ends-at-4g': 0x4800_ffff_0000n,
  'near-4g': 0x4800_ffff_e000n,
  unaligned: 0x4800_0000_0800n,
  'kernel-half': 0xffff_8880_0000_0000n,
  'top-page': 0xffff_ffff_ffff_f000n,
} as const;

/** Slots that suites make arenas with: small ones fill up, those of 4 GiB have a page 0 in the window. */
const slots = carefully(
  integer({ min: 0, max: 0xffff_ffff, default: 1, boundaries: [16, 2 ** 20] }),
  ({ random, sizeLean }) => (random.chance(0.15) ? 2 ** 20 : random.between(1, 2 + Math.ceil(30 * sizeLean))),
);

/** A size that must be 0. */
const sizeArgument = carefully(integer({ min: 0, max: 0xffff_ffff, default: 0, boundaries: [4, 8] }), () => 0);

/** The memory cgroup of the creator: 0 is the root. */
const cgroupArgument = integer({
  min: 0,
  max: 2,
  default: 0,
  typical: ({ random }) => (random.chance(0.3) ? random.between(1, 2) : 0),
});

const arenaCreate = operation({
  name: 'arena_map_alloc',
  does: 'BPF_MAP_CREATE of an arena, with attributes that may be wrong in every way (kernel/bpf/arena.c).',
  makes: 'arena',
  takes: {
    slots,
    place: carefully(
      oneOf(['none', 'page', 'aligned', 'ends-at-4g', 'near-4g', 'unaligned', 'kernel-half', 'top-page'], {
        default: 'none',
      }),
      ({ random }) => random.pick(['none', 'page', 'aligned', 'aligned', 'ends-at-4g', 'near-4g'] as const),
    ),
    segv: boolean({ default: false, probability: 0.3 }),
    no_user_conv: boolean({ default: false, probability: 0.2 }),
    mmapable: carefully(boolean({ default: true }), () => true),
    other_flags: carefully(integer({ min: 0, max: 0x3ff, default: 0, boundaries: [1, 2, 4, 64, 512] }), () => 0),
    key_size: sizeArgument,
    value_size: sizeArgument,
    cgroup: cgroupArgument,
    failing: failingArgument,
  },
  ready: ({ arenas }: ArenaWorld) => arenas.live.length < 3,
  apply({ arenas, cgroups, failing: plan }: ArenaWorld, taken) {
    const made = plan.during(taken.failing, () => arenas.create(attributesOf(taken), cgroups[taken.cgroup - 1]));
    return typeof made === 'string' ? refuse(made) : made;
  },
  shows: () => 0,
  syscall: (_: ArenaWorld, taken) =>
    taken.failing > 0 ? undefined : arenaCall({ call: 'map-create', ...attributesOf(taken) }),
});

interface CreationArguments {
  readonly slots: number;
  readonly place: keyof typeof places;
  readonly segv: boolean;
  readonly no_user_conv: boolean;
  readonly mmapable: boolean;
  readonly other_flags: number;
  readonly key_size: number;
  readonly value_size: number;
}

/** The attributes of BPF_MAP_CREATE that the arguments stand for. */
const attributesOf = (taken: CreationArguments) => ({
  flags:
    (taken.mmapable ? BPF_F_MMAPABLE : 0) |
    (taken.segv ? BPF_F_SEGV_ON_FAULT : 0) |
    (taken.no_user_conv ? BPF_F_NO_USER_CONV : 0) |
    taken.other_flags,
  maxEntries: taken.slots,
  mapExtra: places[taken.place],
  keySize: taken.key_size,
  valueSize: taken.value_size,
});

const memoryMax = operation({
  name: 'memory_max',
  does: 'Sets the limit of a memory cgroup, in pages (mm/memcontrol.c).',
  weight: 0.2,
  takes: {
    cgroup: integer({ min: 1, max: 2, default: 1, typical: ({ random }) => random.between(1, 2) }),
    pages: integer({ min: 0, max: 2 ** 20, default: 0, typical: ({ random }) => random.below(20) }),
  },
  apply: ({ cgroups }: ArenaWorld, { cgroup, pages }) => cgroups[cgroup - 1]!.setLimit(pages),
});

const fdinfo = operation({
  name: 'fdinfo_memlock',
  does: 'The bytes that /proc/PID/fdinfo shows for an arena (kernel/bpf/syscall.c:bpf_map_show_fdinfo).',
  weight: 0.2,
  takes: { arena: made<ArenaMapping>('arena') },
  apply: ({ arenas }: ArenaWorld, { arena: { arena } }) => arenas.memoryUsage(arena),
});

const arenaFree = operation({
  name: 'arena_map_free',
  does: 'The last holder of the map lets go: descriptors, programs and mappings are gone (kernel/bpf/arena.c).',
  ends: 'arena',
  weight: 0.5,
  takes: { arena: made<ArenaMapping>('arena') },
  ready: ({ processes }: ArenaWorld, { arena }) =>
    arena.arena.users === 0 && !processes.items.some(({ areas }) => areas.some(({ file }) => file === arena)),
  apply: ({ arenas }: ArenaWorld, { arena }) => arenas.destroy(arena),
  syscall: (_: ArenaWorld, { arena }) => arenaCall({ call: 'close-map', arena }),
});

const mapFreeze = operation({
  name: 'map_freeze',
  does: 'BPF_MAP_FREEZE; busy for ever after one writable mapping (kernel/bpf/syscall.c).',
  weight: 0.1,
  takes: { arena: made<ArenaMapping>('arena') },
  apply: (_: ArenaWorld, { arena: { arena } }) => {
    const refused = freezeArena(arena);
    return refused === undefined ? 0 : refuse(refused);
  },
  syscall: (_: ArenaWorld, { arena }) => arenaCall({ call: 'map-freeze', arena }),
});

const mapElement = operation({
  name: 'map_element',
  does: 'An element command of bpf(2) on an arena, which has no elements (kernel/bpf/syscall.c).',
  weight: 0.1,
  takes: {
    arena: made<ArenaMapping>('arena'),
    command: oneOf(['lookup', 'update', 'delete', 'next-key']),
    key: boolean({ default: false }),
    value: boolean({ default: false }),
  },
  apply: (_: ArenaWorld, { arena: { arena }, command, key, value }) =>
    refuse(elementOperation(arena, command, { key, value })),
  syscall: (_: ArenaWorld, taken) => arenaCall({ call: 'map-element', ...taken }),
});

export const arenaLifeOperations = [arenaCreate, arenaFree, mapFreeze, mapElement, memoryMax, fdinfo] as const;
