import { type Happened, invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import { runAt } from '../ghosts/arena-free-runs.ts';
import { type ArenaLedger, arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';
import { isNull, lowHalfOf } from './argument-register.ts';

/** The user pages [first, end) that a free names: rounded down to a page, cut at the end of the arena. */
interface Named {
  readonly arena: Arena;
  readonly first: number;
  readonly end: number;
  /** Whether they begin below the arena. */
  readonly below: boolean;
}

/** Undefined when a free names no page. */
function namedBy({ taken }: Happened): Named | undefined {
  const { arena } = taken.program as ArenaProgram;
  const count = (taken.count as number) >>> 0;
  if (count === 0 || isNull(arena, taken)) return undefined;
  const window = Math.floor(arena.startPage / 2 ** 20) * 2 ** 20;
  const first = window + Math.floor(lowHalfOf(arena, taken) / 4096);
  const end = Math.min(first + count, arena.startPage + arena.userPages);
  return first < end ? { arena, first, end, below: first < arena.startPage } : undefined;
}

const FREES = ['bpf_arena_free_pages'];

/** A call that was refused the lock leaves its pages to the worker, as one that must not sleep (facts J5). */
const runsAtOnce = ({ failing }: ArenaWorld, { taken }: Happened): boolean =>
  taken.sleepable === true && failing.failed !== 'lock';

/**
 * Facts I25: after the call nobody sees the pages any more, and their slots may be had again. A page that another free has
 * taken and not zapped yet is that one's affair (facts J2).
 */
export const freedPagesAreGone = invariant<ArenaWorld>({
  name: 'freed-pages-are-gone',
  law: 'After a free that may sleep its slots are free, hold no page, and no process has an entry for them.',
  ghosts: [arenaLedger],
  after: FREES,
  concerns: (world, happened) => runsAtOnce(world, happened) && namedBy(happened)?.below === false,
  judgeStep(world, happened, violated) {
    const { arena, first, end } = namedBy(happened)!;
    const ledger = ledgerOf(world);
    const whole = arena.userPages === arena.attributes.maxEntries;
    const run = runAt(arena, first - arena.startPage);
    const processes = world.processes.items;
    for (let page = first; page < Math.min(end, first + 256); page++) {
      const slot = page - arena.startPage;
      const frame = ledger.kernelFrame(arena, page % 2 ** 20);
      if (frame !== undefined) violated(`slot ${slot} still holds frame ${frame}`);
      if (whole && (run === undefined || run.last < slot)) violated(`slot ${slot} is not free`);
      for (let at = 0; at < processes.length; at++) {
        const seen = seenBy(processes[at]!, page, arena, ledger);
        if (seen !== undefined) violated(`process ${at + 1} still sees frame ${seen} in slot ${slot}`);
      }
    }
  },
});

/** The frame that a process maps at a page of the arena, unless a free under way still has to zap it. */
function seenBy(
  process: ArenaWorld['processes']['items'][number],
  page: number,
  arena: Arena,
  ledger: ArenaLedger,
): number | undefined {
  const frame = ledger.userFrame(process, page);
  if (frame === undefined || ledger.holders.calls(frame) > 0) return undefined;
  const file = process.areaAt(page)?.file as { readonly arena?: Arena } | undefined;
  return file?.arena === arena ? frame : undefined;
}

/** Facts I26 and M9. */
export const freesStayInsideTheArena = invariant<ArenaWorld>({
  name: 'frees-stay-inside-the-arena',
  law: 'A free that begins below the arena or behind its end changes nothing.',
  ghosts: [arenaLedger],
  after: FREES,
  concerns: (_, happened) => namedBy(happened)?.below !== false,
  judgeStep(world, _, violated) {
    const { slots, pages } = ledgerOf(world);
    for (const { first, last } of slots) violated(`slots [${first}, ${last}] changed`);
    if (pages.length > 0) violated(`${pages.length} user entries were touched`);
  },
});

/** Facts I27: until the worker runs nothing changes. */
export const queuedFreesWait = invariant<ArenaWorld>({
  name: 'queued-frees-wait',
  law: 'A free from a call site that must not sleep, or that was refused the lock, changes no slot and no entry before the worker runs.',
  ghosts: [arenaLedger],
  after: FREES,
  concerns: (world, happened) => !runsAtOnce(world, happened),
  judgeStep(world, _, violated) {
    const { slots, pages, entries } = ledgerOf(world);
    if (slots.length + pages.length + entries.length > 0) violated('the free did not wait for its worker');
  },
});
