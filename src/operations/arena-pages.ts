import { boolean, integer, made, word64 } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import { NULL } from '../model/bpf/arena-allocator.ts';
import type { FreeInFlight } from '../model/bpf/arena-frees.ts';
import type { ArenaProgram } from '../model/bpf/arena-program.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import {
  addressOf,
  bytesBeyond,
  countArgument,
  cpuArgument,
  cpuRuns,
  formArgument,
  formOrAnywhere,
  pageArgument,
} from './arena-arguments.ts';
import { arenaCall } from './arena-call.ts';
import { carefully } from './careful-caller.ts';
import { failingArgument } from './circumstance.ts';

const where = { page: pageArgument, byte: bytesBeyond, form: formArgument };
const sleepable = boolean({ default: true, probability: 0.7 });

/** More pages in one call are a matter of time, not of behaviour: batches have 1,024. */
const MOST_PAGES = 3000;

/** Kernels without deferred frees load only programs that may sleep. */
const mayRun = ({ profile }: ArenaWorld, sleeps: boolean): boolean => sleeps || profile.deferredFree;

const programLoad = operation({
  name: 'bpf_prog_load',
  does: 'Loads a program that uses the arena, which must have an address by then (kernel/bpf/verifier.c).',
  makes: 'program',
  weight: 0.6,
  takes: { arena: made<ArenaMapping>('arena'), cpu: cpuArgument },
  ready: (world: ArenaWorld, { cpu }) => cpuRuns(world, cpu),
  apply({ arenas, machine }: ArenaWorld, { arena: { arena }, cpu }) {
    const program = arenas.loadProgram(arena, machine.cpu(cpu));
    if (typeof program === 'string') return refuse(program);
    arena.set('users', arena.users + 1);
    return program;
  },
  shows: () => 0,
  syscall: (_: ArenaWorld, { arena }) => arenaCall({ call: 'prog-load', arena }),
});

const programUnload = operation({
  name: 'bpf_prog_put',
  does: 'Unloads a program, which lets go of its arena (kernel/bpf/syscall.c).',
  ends: 'program',
  weight: 0.25,
  takes: { program: made<ArenaProgram>('program') },
  apply: (_: ArenaWorld, { program: { arena } }) => arena.set('users', arena.users - 1),
  syscall: (_: ArenaWorld, { program }) => arenaCall({ call: 'close-program', program }),
});

/** The register with a node, of which the call takes the low half: an s32 (`node | 0`), where -1 is any. */
const nodeArgument = carefully(
  integer({
    min: Number.MIN_SAFE_INTEGER,
    max: Number.MAX_SAFE_INTEGER,
    default: -1,
    boundaries: [-(2 ** 31), -2, 0, 1, 64, 1024, 2 ** 31, 2 ** 32],
    typical: ({ random }) => random.between(-(2 ** 31), 2 ** 31 - 1),
  }),
  ({ random }) => (random.chance(0.05) ? 0 : -1),
);

/** 64 bits of which none is defined. */
const flagsArgument = carefully(
  word64({ default: 0n, typical: ({ random }) => 1n << BigInt(random.below(64)) }),
  () => 0n,
);

const allocPages = operation({
  name: 'bpf_arena_alloc_pages',
  does: 'Populates slots: at an address, or anywhere for NULL (kernel/bpf/arena.c).',
  weight: 4,
  takes: {
    program: made<ArenaProgram>('program'),
    ...where,
    form: formOrAnywhere,
    count: countArgument,
    node: nodeArgument,
    flags: flagsArgument,
    sleepable,
    failing: failingArgument,
  },
  ready: (world: ArenaWorld, { node, sleepable, count, program: { arena } }) =>
    mayRun(world, sleepable) &&
    (world.profile.unknownNode === 'refused' || world.arenas.allocator.nodeExists(node | 0)) &&
    (count >>> 0 <= MOST_PAGES || count >>> 0 > arena.userPages),
  apply({ arenas, failing: plan }: ArenaWorld, { program: { arena }, count, node, flags, sleepable, failing, ...at }) {
    const request = { address: addressOf(arena, at), count: count >>> 0, node: node | 0, flags, sleepable };
    const answer = plan.during(failing, () => arenas.allocator.allocate(arena, request));
    return answer === NULL || answer === 'oops' ? refuse('NULL') : answer - arena.userStart;
  },
  syscall: (_: ArenaWorld, { program, count, node, flags, sleepable, failing, ...at }) =>
    failing > 0 || !sleepable
      ? undefined
      : arenaCall({
          call: 'alloc-pages',
          program,
          address: addressOf(program.arena, at),
          count,
          node,
          flags: BigInt(flags),
        }),
});

const reservePages = operation({
  name: 'bpf_arena_reserve_pages',
  does: 'Takes slots out of the free set without populating them (kernel/bpf/arena.c, 6.17).',
  takes: { program: made<ArenaProgram>('program'), ...where, count: countArgument, failing: failingArgument },
  ready: ({ profile }: ArenaWorld) => profile.reserve,
  apply({ arenas, failing: plan }: ArenaWorld, { program: { arena }, count, failing, ...at }) {
    const answer = plan.during(failing, () => arenas.allocator.reserve(arena, addressOf(arena, at), count >>> 0));
    return answer === 0 ? 0 : refuse(answer);
  },
  syscall: (_: ArenaWorld, { program, count, failing, ...at }) =>
    failing > 0
      ? undefined
      : arenaCall({ call: 'reserve-pages', program, address: addressOf(program.arena, at), count }),
});

const freePages = operation({
  name: 'bpf_arena_free_pages',
  does: 'Gives slots back, populated or not; from a call site that must not sleep it queues a span (kernel/bpf/arena.c).',
  weight: 3,
  takes: {
    program: made<ArenaProgram>('program'),
    ...where,
    count: countArgument,
    sleepable,
    failing: failingArgument,
  },
  ready: (world: ArenaWorld, { sleepable }) => mayRun(world, sleepable),
  apply({ arenas, failing: plan }: ArenaWorld, { program: { arena }, count, sleepable, failing, ...at }) {
    plan.during(failing, () => arenas.frees.free(arena, addressOf(arena, at), count >>> 0, sleepable));
  },
  syscall: (_: ArenaWorld, { program, count, sleepable, failing, ...at }) =>
    failing > 0 || !sleepable
      ? undefined
      : arenaCall({ call: 'free-pages', program, address: addressOf(program.arena, at), count }),
});

const beginFree = operation({
  name: 'arena_free_begin',
  does: 'The first stage of a free since 7.0, under the lock: kernel entries go, slots become free.',
  makes: 'freeing',
  weight: 0.7,
  takes: { program: made<ArenaProgram>('program'), ...where, count: countArgument },
  ready: ({ profile }: ArenaWorld) => profile.freeInStages,
  apply({ arenas: { frees } }: ArenaWorld, { program: { arena }, count, ...at }) {
    const range = frees.rangeToFree(arena, addressOf(arena, at), count >>> 0);
    if (range === undefined) return refuse('nothing to free');
    arena.set('users', arena.users + 1);
    return frees.begin(range);
  },
  shows: (_: ArenaWorld, __, made) => (made as FreeInFlight).frames.length,
});

const noteAreas = operation({
  name: 'arena_free_note',
  does: 'The second stage of a free has read which areas to zap and not walked them yet.',
  weight: 0.7,
  takes: { freeing: made<FreeInFlight>('freeing') },
  ready: (_: ArenaWorld, { freeing }) => freeing.stage === 'zap',
  apply: ({ arenas: { frees } }: ArenaWorld, { freeing }) => frees.noteAreas(freeing),
});

const zapFreed = operation({
  name: 'arena_free_zap',
  does: 'The second stage of a free: user entries of the range go, without the lock.',
  weight: 2,
  takes: { freeing: made<FreeInFlight>('freeing') },
  ready: (_: ArenaWorld, { freeing }) => freeing.stage === 'zap' || freeing.stage === 'walk',
  apply: ({ arenas: { frees } }: ArenaWorld, { freeing }) => frees.zapUsers(freeing).length,
});

const releaseFreed = operation({
  name: 'arena_free_release',
  does: 'The last stage of a free: the frames lose the reference of the kernel entry.',
  ends: 'freeing',
  weight: 2,
  takes: { freeing: made<FreeInFlight>('freeing') },
  ready: (_: ArenaWorld, { freeing }) => freeing.stage === 'release',
  apply({ arenas: { frees } }: ArenaWorld, { freeing }) {
    frees.release(freeing);
    freeing.arena.set('users', freeing.arena.users - 1);
  },
});

const freeWorker = operation({
  name: 'arena_free_worker',
  does: 'The worker frees every queued span of an arena, the newest first (kernel/bpf/arena.c, 7.0).',
  weight: 0.5,
  takes: { arena: made<ArenaMapping>('arena'), failing: failingArgument },
  ready: ({ arenas }: ArenaWorld, { arena: { arena } }) => arenas.frees.spans.some((span) => span.arena === arena),
  apply: ({ arenas, failing: plan }: ArenaWorld, { arena: { arena }, failing }) =>
    plan.during(failing, () => arenas.frees.drain(arena)),
});

export const arenaPageOperations = [
  programLoad,
  programUnload,
  allocPages,
  reservePages,
  freePages,
  freeWorker,
] as const;

/** A free in its stages, between which others run. */
export const arenaStageOperations = [beginFree, noteAreas, zapFreed, releaseFreed] as const;
