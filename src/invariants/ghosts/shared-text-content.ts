import type { Domain } from '../../language/invariant.ts';
import { describeText, type TextAddress } from '../../model/kernel/text-address.ts';
import type { World } from '../../model/world.ts';
import { sharedTextAccount } from './shared-text-account.ts';
import type { Owner } from './text-event.ts';
import type { TextPage } from './text-owners.ts';

const PAGE = 4096;

/** Pages of the blocks behind a shared allocator. */
export const sharedTextPages: Domain<World, TextPage> = {
  name: 'shared text page',
  all: (world) => sharedTextAccount.of(world).pages(),
  changed: (world) => sharedTextAccount.of(world).last.touched,
};

/** A byte of shared text that is not what it should be, and whose it is. */
export interface WrongByte {
  readonly address: TextAddress;
  readonly owner: Owner | undefined;
  readonly evidence: string;
}

/**
 * The first wrong byte of a page for each of its holders. A range whose free is still to come is not judged: nobody was given
 * it, and its traps are written when it can be.
 */
export function wrongBytes(world: World, { block, index }: TextPage): readonly WrongByte[] {
  const frame = world.machine.memory.frame(block.frames[index]!);
  const expected = block.page(index);
  if (frame.uniformByte !== undefined && frame.uniformByte === expected) return NONE;
  const found = bytesOf(frame.uniformByte ?? frame.view());
  const due = bytesOf(expected);
  if (Buffer.compare(found, due) === 0) return NONE;
  const account = sharedTextAccount.of(world);
  const wrong: WrongByte[] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < PAGE; at++) {
    const address = block.address + index * PAGE + at;
    if (found[at] === due[at] || address < end) continue;
    const held = account.held.at(address);
    const pending = world.sharing.shared.busy.at(address);
    end = held?.end ?? account.held.firstFrom(address)?.start ?? block.end;
    if (pending?.pending === true) {
      end = Math.min(end, pending.end);
      continue;
    }
    const evidence = `the byte at ${describeText(address)} is 0x${found[at]!.toString(16)} and should be 0x${due[at]!.toString(16)}`;
    wrong.push({ address, owner: held?.owner, evidence });
  }
  return wrong;
}

const NONE: readonly WrongByte[] = [];

const filled = new Map<number, Uint8Array>();

/** A page of bytes, for reading only; one that holds a single byte throughout is made once. */
function bytesOf(page: number | Uint8Array): Uint8Array {
  if (typeof page !== 'number') return page;
  let bytes = filled.get(page);
  if (bytes === undefined) {
    bytes = new Uint8Array(PAGE).fill(page);
    filled.set(page, bytes);
  }
  return bytes;
}
