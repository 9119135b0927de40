import { type Happened, invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import { runAt } from '../ghosts/arena-free-runs.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';
import { registerOf } from './argument-register.ts';

/** The pages that a free names: rounded down to a page, cut at the end of the arena. Undefined when it names none. */
function namedBy({ taken }: Happened): { arena: Arena; first: bigint; end: bigint; below: boolean } | undefined {
  const { arena } = taken.program as ArenaProgram;
  const register = registerOf(arena, taken);
  const count = BigInt(taken.count as number);
  if (register === 0n || count === 0n) return undefined;
  const high = arena.userStart - BigInt.asUintN(32, arena.userStart);
  const first = (high + BigInt.asUintN(32, register)) & ~0xfffn;
  const wanted = first + count * 4096n;
  const end = wanted < arena.userEnd ? wanted : arena.userEnd;
  return first < end ? { arena, first, end, below: first < arena.userStart } : undefined;
}

/**
 * Facts I25: after the call nobody sees the pages any more, and their slots may be had again. A page that another free has
 * taken and not zapped yet is that one's affair (facts J2).
 */
export const freedPagesAreGone = invariant<ArenaWorld>({
  name: 'freed-pages-are-gone',
  law: 'After a free that may sleep its slots are free, hold no page, and no process has an entry for them.',
  ghosts: [arenaLedger],
  concerns: (_, happened) =>
    happened.operation.name === 'bpf_arena_free_pages' &&
    happened.taken.sleepable === true &&
    namedBy(happened)?.below === false,
  judgeStep(world, happened, violated) {
    const { arena, first, end } = namedBy(happened)!;
    const ledger = ledgerOf(world);
    const whole = arena.userPages === arena.attributes.maxEntries;
    for (let page = Number(first >> 12n); page < Math.min(Number(end >> 12n), Number(first >> 12n) + 256); page++) {
      const slot = page - Number(arena.userStart >> 12n);
      const frame = ledger.kernelFrame(arena, page % 2 ** 20);
      if (frame !== undefined) violated(`slot ${slot} still holds frame ${frame}`);
      if (whole && runAt(arena, slot) === undefined) violated(`slot ${slot} is not free`);
      for (const process of world.processes.items) {
        const seen = mapsArena(arena, process, page) ? ledger.userFrame(process, page) : undefined;
        const awaitsZap = seen !== undefined && ledger.holders(seen).underWay > 0;
        if (seen !== undefined && !awaitsZap)
          violated(`process ${process.number} still sees frame ${seen} in slot ${slot}`);
      }
    }
  },
});

/** Facts I26 and M9. */
export const freesStayInsideTheArena = invariant<ArenaWorld>({
  name: 'frees-stay-inside-the-arena',
  law: 'A free that begins below the arena or behind its end changes nothing.',
  ghosts: [arenaLedger],
  concerns: (_, happened) => happened.operation.name === 'bpf_arena_free_pages' && namedBy(happened)?.below !== false,
  judgeStep(world, _, violated) {
    const { slots, pages } = ledgerOf(world);
    for (const { first, last } of slots) violated(`slots [${first}, ${last}] changed`);
    if (pages.length > 0) violated(`${pages.length} user entries were touched`);
  },
});

/** Facts I27: until the worker runs nothing changes. */
export const queuedFreesWait = invariant<ArenaWorld>({
  name: 'queued-frees-wait',
  law: 'A free from a call site that must not sleep changes no slot and no entry before the worker runs.',
  ghosts: [arenaLedger],
  concerns: (_, { operation, taken }) => operation.name === 'bpf_arena_free_pages' && taken.sleepable === false,
  judgeStep(world, _, violated) {
    const { slots, pages, populated } = ledgerOf(world);
    if (slots.length + pages.length + populated.length > 0) violated('the free did not wait for its worker');
  },
});

function mapsArena(arena: Arena, { areas }: ArenaWorld['processes']['items'][number], page: number): boolean {
  const area = areas.find(({ first, end }) => page >= first && page < end);
  return area !== undefined && (area.file as { readonly arena?: Arena } | undefined)?.arena === arena;
}
