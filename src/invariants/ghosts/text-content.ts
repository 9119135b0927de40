import type { Domain } from '../../language/invariant.ts';
import { describeText, type TextAddress } from '../../model/kernel/text-address.ts';
import type { World } from '../../model/world.ts';
import type { Owner } from './text-event.ts';
import { type TextPage, textOwners } from './text-owners.ts';

const PAGE = 4096;
const CHUNK = 64;

/** Pages of packs, areas and programs' own pages. */
export const textPages: Domain<World, TextPage> = {
  name: 'text page',
  all: (world) => textOwners.of(world).pages(),
  changed: (world) => textOwners.of(world).touchedPages,
};

/** A byte of text that is not what it should be. */
export interface Difference {
  readonly address: TextAddress;
  readonly expected: number;
  readonly found: number;
  readonly owner: Owner | undefined;
}

/**
 * The first wrong byte of each wrong chunk of a page. A page that should hold one byte throughout, and does, costs one
 * comparison.
 */
export function differences({ machine }: World, { block, index }: TextPage): readonly Difference[] {
  const frame = machine.memory.frame(block.frames[index]!);
  const expected = block.page(index);
  if (frame.uniformByte !== undefined && frame.uniformByte === expected) return NONE;
  const found = frame.view();
  const due = typeof expected === 'number' ? new Uint8Array(PAGE).fill(expected) : expected;
  if (Buffer.compare(found, due) === 0) return NONE;
  const wrong: Difference[] = [];
  for (let at = 0; at < PAGE; at++) {
    if (found[at] === due[at]) continue;
    const address = block.address + index * PAGE + at;
    const owner = block.ownerOf(block.chunkAt(address));
    wrong.push({ address, expected: due[at]!, found: found[at]!, owner });
    at |= CHUNK - 1;
  }
  return wrong;
}

export const describeDifference = ({ address, expected, found }: Difference): string =>
  `the byte at ${describeText(address)} is 0x${found.toString(16)} and should be 0x${expected.toString(16)}`;

const NONE: readonly Difference[] = [];
