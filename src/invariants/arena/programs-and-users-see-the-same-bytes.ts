import { invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import { ArenaMapping } from '../../model/bpf/arena-user-side.ts';
import type { Process } from '../../model/kernel/user-memory/process.ts';
import { Frame } from '../../model/machine/frame.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';
import { registerOf } from './argument-register.ts';

const WIDTHS: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, dw: 8 };

/** The bytes of a program's access as the tables have them; undefined when a page of it is absent. */
function bytesOf(world: ArenaWorld, taken: Readonly<Record<string, unknown>>): Uint8Array | undefined {
  const { arena } = taken.program as ArenaProgram;
  const at = Number(BigInt.asUintN(32, registerOf(arena, taken))) + (taken.offset as number);
  const bytes = new Uint8Array(WIDTHS[taken.width as string]!);
  for (let index = 0; index < bytes.length; index++) {
    const page = Math.floor((at + index) / 4096);
    const leaf = world.machine.kernelTables.translate(arena.window.first + page);
    if (leaf === undefined) return undefined;
    bytes[index] = world.machine.memory.frame(leaf.frame).byteAt((((at + index) % 4096) + 4096) % 4096);
  }
  return bytes;
}

const wordOf = (bytes: Uint8Array): bigint => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** Facts I31 to I33: what the program got is what stands in the page, or 0 where none stands. */
export const loadsTellThePage = invariant<ArenaWorld>({
  name: 'loads-tell-the-page',
  law: 'A load gives the bytes that the kernel maps at the address; with an absent page in it, 0 and a report.',
  concerns: (_, { operation }) => operation.name === 'arena_load',
  judgeStep(world, { taken, returned }, violated) {
    const { value, report } = returned as { readonly value: bigint; readonly report?: string };
    const bytes = bytesOf(world, taken);
    const expected = bytes === undefined ? 0n : wordOf(bytes);
    if (value !== expected) violated(`0x${value.toString(16)} was loaded where 0x${expected.toString(16)} stands`);
    const told = report === 'READ';
    if (told !== (bytes === undefined && world.profile.faultReports)) {
      violated(`the access ${bytes === undefined ? 'faulted' : 'succeeded'} and reported ${report ?? 'nothing'}`);
    }
  },
});

/** Facts I31 and I32: a store reaches the page of its address, and where none is, no memory at all. */
export const storesReachTheirPageAlone = invariant<ArenaWorld>({
  name: 'stores-reach-their-page-alone',
  law: 'A store writes its value to the page that the kernel maps there; where none is mapped no memory changes.',
  concerns: (_, { operation }) => operation.name === 'arena_store',
  judgeStep(world, { taken, changes }, violated) {
    const bytes = bytesOf(world, taken);
    if (bytes === undefined) {
      const written = changes.of(Frame).filter(({ use }) => use === 'arena');
      if (written.length > 0) violated(`frame ${written[0]!.number} changed though no page is mapped there`);
      return;
    }
    const expected = BigInt.asUintN(8 * bytes.length, taken.value as bigint);
    if (wordOf(bytes) !== expected)
      violated(`0x${wordOf(bytes).toString(16)} stands where 0x${expected.toString(16)} was stored`);
  },
});

/** Facts I33, from the side of user space. */
export const userReadsTellThePage = invariant<ArenaWorld>({
  name: 'user-reads-tell-the-page',
  law: 'What user space reads of an arena is what the kernel maps at the same address.',
  ghosts: [arenaLedger],
  concerns: (_, { operation, returned }) => operation.name === 'process_vm_readv' && !(returned instanceof Refusal),
  judgeStep(world, { taken, returned }, violated) {
    const read = returned as Uint8Array;
    const { arena } = taken.arena as ArenaMapping;
    const start = arena.userStart + BigInt(taken.page as number) * 4096n + BigInt(taken.byte as number);
    const step = Math.max(1, Math.floor(read.length / 64));
    for (let at = 0; at < read.length; at += step) {
      if (!mapsArena(taken.process as Process, arena, start + BigInt(at))) continue;
      const byte = byteAt(world, arena, start + BigInt(at));
      if (byte !== undefined && byte !== read[at]) {
        violated(`byte ${at} reads ${read[at]} and is ${byte} in the kernel's page`);
        return;
      }
    }
  },
});

function mapsArena({ areas }: Process, arena: Arena, address: bigint): boolean {
  const page = Number(address >> 12n);
  const area = areas.find(({ first, end }) => page >= first && page < end);
  return area?.file instanceof ArenaMapping && area.file.arena === arena;
}

/** The byte behind an address of the arena; undefined outside of it and where a free is under way. */
function byteAt(world: ArenaWorld, arena: Arena, address: bigint): number | undefined {
  if (address < arena.userStart || address >= arena.userEnd) return undefined;
  const frame = ledgerOf(world).kernelFrame(arena, Number((address >> 12n) & 0xfffffn));
  return frame === undefined ? undefined : world.machine.memory.frame(frame).byteAt(Number(address & 0xfffn));
}
