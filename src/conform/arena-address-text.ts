import { InputError } from '../language/input-error.ts';

/**
 * The address notation of arena recordings. `p3+16` is sixteen bytes into page 3 of the arena, `L:` takes the low 32 bits
 * of what follows, `Habcd:` puts other high 32 bits above them; `NULL` is 0 and everything else an absolute number.
 */
export function readAddress(text: string, base: bigint | undefined): bigint {
  if (text === 'NULL') return 0n;
  if (text.startsWith('L:')) return BigInt.asUintN(32, readAddress(text.slice(2), base));
  const high = /^H([0-9a-f]+):(.*)$/.exec(text);
  if (high !== null) return (BigInt(`0x${high[1]}`) << 32n) | BigInt.asUintN(32, readAddress(high[2] as string, base));
  const page = /^p(-?\d+)(?:\+(\d+))?$/.exec(text);
  if (page === null) return readNumber(text);
  if (base === undefined) throw new InputError(`address ${text} stands before the arena has a base`);
  return BigInt.asUintN(64, base + BigInt(page[1] as string) * 4096n + BigInt(page[2] ?? 0));
}

/** The notation of an address that a call answered. */
export function writeAddress(address: bigint, base: bigint | undefined): string {
  if (address === 0n) return 'NULL';
  if (base !== undefined) {
    if (address >> 32n === base >> 32n) return writePage(address - base);
    if (address >> 32n === 0n) return `L:${writePage(address - BigInt.asUintN(32, base))}`;
  }
  return `0x${address.toString(16)}`;
}

function writePage(distance: bigint): string {
  const offset = distance & 0xfffn;
  return `p${(distance - offset) / 4096n}${offset === 0n ? '' : `+${offset}`}`;
}

/** A number as recordings write it: a JSON number, or a string in decimal or hexadecimal, up to 64 bits. */
export function readNumber(value: unknown): bigint {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (typeof value === 'string' && /^(?:-?\d+|0x[0-9a-fA-F]+)$/.test(value)) return BigInt(value);
  throw new InputError(`${JSON.stringify(value)} is no number`);
}
