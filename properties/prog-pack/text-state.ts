import { createHash } from 'node:crypto';
import { bootWorld } from '../../src/lab/boot-world.ts';
import type { MachineSettings } from '../../src/language/suite.ts';
import { TRAP } from '../../src/model/kernel/prog-pack.ts';
import { pageOfText, type TextAddress } from '../../src/model/kernel/text-address.ts';
import { describeFlags } from '../../src/model/machine/page-table-entry.ts';
import type { World } from '../../src/model/world.ts';

/** A world after boot. Memory is small, so that a property can afford many. */
export const freshWorld = (kernel = '6.18', machine: MachineSettings = {}): World =>
  bootWorld(kernel, { memory: '256', ...machine });

/** Calls of the pack allocator on CPU 0, with traps as filler. */
export function allocate({ text }: World, size: number): TextAddress {
  const address = text.packs.allocate(size, TRAP, 0);
  if (address === undefined) throw new RangeError(`no text for ${size} bytes`);
  return address;
}

/** Used chunks of a pack as runs, first and last inclusive. */
export const usedRuns = ({ text }: World, pack = 0): readonly (readonly [number, number])[] => [
  ...(text.packs.packs.at(pack)?.chunks.setRuns() ?? []),
];

/** `length` bytes of text as the tables in memory show them. */
export function textBytes({ access }: World, address: TextAddress, length: number): Uint8Array {
  const bytes = access.peek(pageOfText(address), address & 4095, length);
  if (bytes === undefined) throw new RangeError('the text is not mapped');
  return bytes;
}

/** All that a program's life can leave behind in its allocators: packs, chunks, areas, charge, content and rights. */
export function textState(world: World) {
  const { text, vmalloc, machine } = world;
  const { modules } = world.layout;
  const areas = vmalloc.areas.filter(({ firstPage }) => firstPage >= modules.first && firstPage < modules.end);
  return {
    charged: text.limit.current,
    packs: text.packs.packs.items.map(({ address, chunks }) => ({ address, used: [...chunks.setRuns()] })),
    areas: areas.map(({ firstPage, pageCount }) => ({ firstPage, pageCount })),
    content: areas.map(({ firstPage, pageCount, frames }) => ({
      rights: describeFlags(machine.kernelTables.translate(firstPage)?.flags ?? 0),
      pages: pageCount,
      bytes: frames.map((number) => {
        const frame = machine.memory.frame(number);
        if (frame.uniformByte !== undefined) return frame.uniformByte;
        const bytes = frame.view();
        return bytes.every((byte) => byte === bytes[0]) ? bytes[0] : createHash('sha256').update(bytes).digest('hex');
      }),
    })),
  };
}
