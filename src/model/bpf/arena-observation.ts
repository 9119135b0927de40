import type { Process } from '../kernel/user-memory/process.ts';
import type { Arena } from './arena.ts';
import { HALF_GUARD_PAGES, SLOTS_PER_WINDOW } from './arena-address.ts';

/** Fields by name, as they stand in a record. */
export type Shown = Readonly<Record<string, unknown>>;

/** Runs of page indices, both ends included, in order. */
export type Runs = [number, number][];

/** What a recorder writes down about the state after a step: the recording process comes first, the peer second. */
export function observeState(arena: Arena, [self, peer]: readonly [Process, Process]): Shown {
  const above = upperGuard(arena);
  return {
    mapped: arena.userStart === 0n ? undefined : mapsBase(arena, self),
    free: freeRuns(arena),
    kernelPresent: kernelPresent(arena),
    userPresent: userPresent(arena, self),
    peerPresent: mapsBase(arena, peer) ? userPresent(arena, peer) : undefined,
    upperGuardPresent: above.length === 0 ? undefined : above,
  };
}

export const freeRuns = (arena: Arena): Runs => [...arena.free.runs()].map(({ first, last }) => [first, last]);

/** Pages relative to the base modulo 2^20; relative to the window while there is no base. */
export function kernelPresent(arena: Arena): Runs {
  const base = arena.start32 >>> 12;
  return [
    ...presentIn(arena, base, SLOTS_PER_WINDOW).map((run) => shifted(run, -base)),
    ...presentIn(arena, 0, base).map((run) => shifted(run, SLOTS_PER_WINDOW - base)),
  ].reduce(joined, []);
}

/** Present pages of the window with its half guards, relative to its start. */
export const windowPresent = (arena: Arena): Runs =>
  presentIn(arena, -HALF_GUARD_PAGES, SLOTS_PER_WINDOW + HALF_GUARD_PAGES);

/** Present pages of the two half guards. */
export function guardsPresent(arena: Arena): Shown {
  return { below: presentIn(arena, -HALF_GUARD_PAGES, 0), above: upperGuard(arena) };
}

/** The kernel area with vmalloc's trailing guard page, as `vm_struct.size` counts it. */
export function windowShape(): Shown {
  const pages = SLOTS_PER_WINDOW + 2 * HALF_GUARD_PAGES + 1;
  return { areaSize: `0x${(pages * 4096).toString(16)}`, guardBelow: `0x${(HALF_GUARD_PAGES * 4096).toString(16)}` };
}

function upperGuard(arena: Arena): Runs {
  const runs = presentIn(arena, SLOTS_PER_WINDOW, SLOTS_PER_WINDOW + HALF_GUARD_PAGES);
  return runs.map((run) => shifted(run, -SLOTS_PER_WINDOW));
}

/** Entries that hold a page, of the user's range; none is looked for where the first page is not mapped. */
export function userPresent(arena: Arena, process: Process): Runs {
  if (!mapsBase(arena, process)) return [];
  const first = Number(arena.userStart >> 12n);
  const runs: Runs = [];
  process.eachEntry(first, first + arena.userPages, (_table, _index, page) => append(runs, page - first));
  return runs;
}

function mapsBase({ userStart }: Arena, process: Process): boolean {
  return userStart !== 0n && process.areaAt(Number(userStart >> 12n)) !== undefined;
}

function presentIn(arena: Arena, from: number, to: number): Runs {
  const runs: Runs = [];
  arena.window.eachPresent(from, to, (index) => append(runs, index));
  return runs;
}

function append(runs: Runs, index: number): void {
  const last = runs.at(-1);
  if (last !== undefined && last[1] === index - 1) last[1] = index;
  else runs.push([index, index]);
}

const shifted = ([first, last]: Runs[number], by: number): Runs[number] => [first + by, last + by];

function joined(runs: Runs, run: Runs[number]): Runs {
  const before = runs.at(-1);
  if (before !== undefined && before[1] === run[0] - 1) before[1] = run[1];
  else runs.push(run);
  return runs;
}
