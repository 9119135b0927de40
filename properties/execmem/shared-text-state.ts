import { bootWorld } from '../../src/lab/boot-world.ts';
import type { MachineSettings } from '../../src/language/suite.ts';
import { pageOfText, type TextAddress, textAddress } from '../../src/model/kernel/text-address.ts';
import { describeFlags } from '../../src/model/machine/page-table-entry.ts';
import type { World } from '../../src/model/world.ts';

/** A world after boot. Memory is small, so that a property can afford many. */
export const freshWorld = (kernel: string, machine: MachineSettings = {}): World =>
  bootWorld(kernel, { memory: '256', ...machine });

/** Where the module window begins. */
export const windowOf = ({ layout }: World): TextAddress => textAddress(layout.modules.first);

/** Free areas as bytes from the start of the module window. */
export const freeAreas = (world: World): readonly (readonly [number, number])[] =>
  [...world.sharing.shared.free].map(({ start, end }) => [start - windowOf(world), end - windowOf(world)]);

/** Busy chunks in the same way. */
export const busyChunks = (world: World): readonly (readonly [number, number])[] =>
  [...world.sharing.shared.busy].map(({ start, end }) => [start - windowOf(world), end - windowOf(world)]);

/** `length` bytes of text as the tables in memory show them. */
export function textBytes({ access }: World, address: TextAddress, length: number): Uint8Array {
  const bytes = access.peek(pageOfText(address), address & 4095, length);
  if (bytes === undefined) throw new RangeError('the text is not mapped');
  return bytes;
}

/** Rights and leaf level of the page of an address, and of its direct-map alias: `r-x 2, r-- 1`. */
export function rightsAt({ machine, directMap }: World, address: TextAddress): string {
  const there = machine.kernelTables.translate(pageOfText(address));
  if (there === undefined) return 'absent';
  const direct = machine.kernelTables.translate(directMap.pageOf(there.frame));
  return `${describeFlags(there.flags)} ${there.level}, ${direct === undefined ? 'absent' : `${describeFlags(direct.flags)} ${direct.level}`}`;
}

/** All that a chunk's life can leave behind: ranges, blocks, rights and counters. */
export function sharedState(world: World) {
  const { shared, cache } = world.sharing;
  return {
    busy: busyChunks(world),
    free: freeAreas(world),
    blocks: shared.blocks.items.map(({ firstPage, pageCount }) => ({ firstPage, pageCount })),
    areas: world.vmalloc.areas.map(({ firstPage }) => firstPage),
    pending: cache.work.pendingFrees,
  };
}
