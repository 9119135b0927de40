import { PAGE_SIZE } from '../base/page.ts';
import type { Random } from '../base/seed.ts';
import type { TextUser } from '../model/text-door/text-allocator.ts';

/** One piece of work: text comes, or one of those that live (by its place among them) goes. */
export type Work =
  | { readonly kind: 'load'; readonly size: number }
  | { readonly kind: 'unload'; readonly which: number };

/** Work in three parts: a population comes, lives, and goes. */
export interface Workload {
  readonly name: string;
  /** One sentence for `--help` and the head of the table. */
  readonly about: string;
  readonly user: TextUser;
  /** The most that live at once. */
  readonly programs: number;
  grow(random: Random): Iterable<Work>;
  /** Work while the population stays as large as it is. */
  live(random: Random): Iterable<Work>;
}

export const workloadNames = ['fleet', 'modules', 'churn', 'golden'] as const;
export type WorkloadName = (typeof workloadNames)[number];

export interface WorkloadSize {
  readonly programs: number;
  /** Loads and unloads while the population lives: `churn` only. */
  readonly operations: number;
}

/**
 * Lengths of BPF programs on a sampled server: half below 500 bytes, three quarters below 2 KiB (cover letter of "execmem_alloc
 * for BPF programs", November 2022). The mail says nothing of the rest; here it reaches evenly, by order of magnitude, to 64 KiB.
 */
export function fleetLength(random: Random): number {
  const share = random.unit();
  if (share < 0.5) return random.between(16, 499);
  if (share < 0.75) return random.between(500, 2047);
  return Math.floor(2048 * 32 ** random.unit());
}

/** Text of a module: 4 KiB to 256 KiB, evenly by order of magnitude. No mail counts them; this is an assumption. */
const moduleLength = (random: Random): number => Math.floor(PAGE_SIZE * 64 ** random.unit());

function* loads(count: number, length: (random: Random) => number, random: Random): Generator<Work> {
  for (let index = 0; index < count; index++) yield { kind: 'load', size: length(random) };
}

const nothing = (): Iterable<Work> => [];

export function fleet({ programs }: WorkloadSize): Workload {
  return {
    name: 'fleet',
    about: 'BPF programs of a fleet are loaded one after the other, then unloaded in any order',
    user: 'bpf',
    programs,
    grow: (random) => loads(programs, fleetLength, random),
    live: nothing,
  };
}

export function modules({ programs }: WorkloadSize): Workload {
  return {
    name: 'modules',
    about: 'modules are loaded one after the other, then unloaded in any order',
    user: 'module',
    programs,
    grow: (random) => loads(programs, moduleLength, random),
    live: nothing,
  };
}

export function churn({ programs, operations }: WorkloadSize): Workload {
  return {
    name: 'churn',
    about: 'a fleet of BPF programs is loaded; then any program is unloaded and another one loaded, again and again',
    user: 'bpf',
    programs,
    grow: (random) => loads(programs, fleetLength, random),
    *live(random) {
      for (let done = 0; done + 2 <= operations; done += 2) {
        yield { kind: 'unload', which: random.below(programs) };
        yield { kind: 'load', size: fleetLength(random) };
      }
    },
  };
}

/** A load or an unload that was recorded; programs have names. */
export type Recorded =
  | { readonly kind: 'load'; readonly size: number; readonly name: string }
  | { readonly kind: 'unload'; readonly name: string };

/** What running kernels were seen to load and unload, in that order. */
export function golden(recorded: readonly Recorded[]): Workload {
  const live: string[] = [];
  let programs = 0;
  const work = recorded.map((event): Work => {
    if (event.kind === 'load') {
      programs = Math.max(programs, live.push(event.name));
      return { kind: 'load', size: event.size };
    }
    // The last one takes the place of the one that goes, as it does where the work is done.
    const which = live.indexOf(event.name);
    const last = live.pop()!;
    if (which < live.length) live[which] = last;
    return { kind: 'unload', which };
  });
  return {
    name: 'golden',
    about: 'loads and unloads of programs as recorded on a running kernel',
    user: 'bpf',
    programs,
    grow: nothing,
    live: () => work,
  };
}
