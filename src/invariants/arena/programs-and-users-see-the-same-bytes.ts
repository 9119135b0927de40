import { invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import { ArenaMapping } from '../../model/bpf/arena-user-side.ts';
import type { Process } from '../../model/kernel/user-memory/process.ts';
import { Frame } from '../../model/machine/frame.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';
import { lowHalfOf } from './argument-register.ts';
import { awaitsZap } from './users-see-the-kernels-page.ts';

const WIDTHS: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, dw: 8 };

/** The bytes that {@link valueAt} found. */
const bytes = new DataView(new ArrayBuffer(8));

/** What stands where a program's access goes, as the tables have it; undefined when a page of it is absent. */
function valueAt(world: ArenaWorld, taken: Readonly<Record<string, unknown>>): bigint | undefined {
  const { arena } = taken.program as ArenaProgram;
  const at = lowHalfOf(arena, taken) + (taken.offset as number);
  const length = WIDTHS[taken.width as string]!;
  const { kernelTables, memory } = world.machine;
  bytes.setBigUint64(0, 0n);
  let page = Number.NaN;
  let frame: Frame | undefined;
  for (let index = 0; index < length; index++) {
    if (Math.floor((at + index) / 4096) !== page) {
      page = Math.floor((at + index) / 4096);
      const number = kernelTables.frameOf(arena.window.first + page);
      if (number < 0) return undefined;
      frame = memory.frame(number);
    }
    bytes.setUint8(index, frame!.byteAt(at + index - page * 4096));
  }
  return bytes.getBigUint64(0, true);
}

/** Facts I31 to I33: what the program got is what stands in the page, or 0 where none stands. */
export const loadsTellThePage = invariant<ArenaWorld>({
  name: 'loads-tell-the-page',
  law: 'A load gives the bytes that the kernel maps at the address; with an absent page in it, 0 and a report.',
  after: ['arena_load'],
  judgeStep(world, { taken, returned }, violated) {
    const { value, report } = returned as { readonly value: bigint; readonly report?: string };
    const stands = valueAt(world, taken);
    const signed = taken.signed === true && stands !== undefined;
    const expected = signed ? extended(stands, WIDTHS[taken.width as string]!) : (stands ?? 0n);
    if (value !== expected) violated(`0x${value.toString(16)} was loaded where 0x${expected.toString(16)} stands`);
    const told = report === 'READ';
    if (told !== (stands === undefined && world.profile.faultReports)) {
      violated(`the access ${stands === undefined ? 'faulted' : 'succeeded'} and reported ${report ?? 'nothing'}`);
    }
  },
});

const extended = (value: bigint, width: number): bigint => BigInt.asUintN(64, BigInt.asIntN(8 * width, value));

/** Facts I31 and I32: a store reaches the page of its address, and where none is, no memory at all. */
export const storesReachTheirPageAlone = invariant<ArenaWorld>({
  name: 'stores-reach-their-page-alone',
  law: 'A store writes its value to the page that the kernel maps there; where none is mapped no memory changes.',
  after: ['arena_store'],
  judgeStep(world, { taken, changes }, violated) {
    const stands = valueAt(world, taken);
    if (stands === undefined) {
      const written = changes.of(Frame).filter(({ use }) => use === 'arena');
      if (written.length > 0) violated(`frame ${written[0]!.number} changed though no page is mapped there`);
      return;
    }
    const expected = BigInt.asUintN(8 * WIDTHS[taken.width as string]!, taken.value as bigint);
    if (stands !== expected) violated(`0x${stands.toString(16)} stands where 0x${expected.toString(16)} was stored`);
  },
});

/** Facts I33, from the side of user space. */
export const userReadsTellThePage = invariant<ArenaWorld>({
  name: 'user-reads-tell-the-page',
  law: 'What user space reads of an arena is what the kernel maps at the same address.',
  ghosts: [arenaLedger],
  after: ['process_vm_readv'],
  concerns: (_, { returned }) => !(returned instanceof Refusal),
  judgeStep(world, { taken, returned }, violated) {
    const read = returned as Uint8Array;
    const mapping = taken.arena as ArenaMapping;
    const step = Math.max(1, Math.floor(read.length / 64));
    let at = 0;
    for (let page = taken.page as number, byte = taken.byte as number; at < read.length; page++, byte = 0) {
      const end = Math.min(read.length, at + 4096 - byte);
      const frame = frameBehind(world, taken.process as Process, mapping, page);
      const first = at;
      for (; at < end && frame !== undefined; at += step) {
        const stands = frame.byteAt(byte + at - first);
        if (stands === read[at]) continue;
        violated(`byte ${at} reads ${read[at]} and is ${stands} in the kernel's page`);
        return;
      }
      at = end;
    }
  },
});

/** The frame that the kernel maps for a page of the arena which the process maps; undefined also where a free is under way. */
function frameBehind(world: ArenaWorld, process: Process, { arena }: ArenaMapping, page: number): Frame | undefined {
  if (page < 0 || page >= arena.userPages) return undefined;
  const file = process.areaAt(arena.startPage + page)?.file;
  if (!(file instanceof ArenaMapping) || file.arena !== arena) return undefined;
  const ledger = ledgerOf(world);
  const seen = ledger.userFrame(process, arena.startPage + page);
  const frame = ledger.kernelFrame(arena, (arena.startPage + page) % 2 ** 20);
  if (frame === undefined || (seen !== frame && seen !== undefined && awaitsZap(world, seen))) return undefined;
  return world.machine.memory.frame(frame);
}
