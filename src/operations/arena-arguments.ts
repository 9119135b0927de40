import { integer, oneOf } from '../language/argument.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import type { Arena } from '../model/bpf/arena.ts';

/** Arguments that operations on arenas share. Addresses are given relative to the arena, so that a trace survives its base. */

/** Pages from the base; below it and far behind the end on purpose. */
export const pageArgument = integer({
  min: -(2 ** 20),
  max: 2 ** 21,
  default: 0,
  boundaries: [-8, 0, 7, 15, 1024, 2 ** 20 - 1, 2 ** 20],
  typical: ({ random, sizeLean }) => random.between(random.chance(0.1) ? -2 : 0, 3 + Math.ceil(16 * sizeLean)),
});

/** The byte within the page. */
export const byteArgument = integer({
  min: 0,
  max: 4095,
  default: 0,
  boundaries: [4088],
  typical: ({ random }) => (random.chance(0.9) ? 0 : random.below(4096)),
});

/** How the 64-bit register is made of the address: as it is, its low half, garbage above the low half, or 0. */
export const formArgument = oneOf(['full', 'low', 'garbage', 'null'], { default: 'full' });

/** A page count as the call takes it, a u32. */
export const countArgument = integer({
  min: 0,
  max: 0xffff_ffff,
  default: 1,
  boundaries: [0, 2, 16, 1024, 2 ** 20],
  typical: ({ random, sizeLean }) =>
    random.chance(0.08) ? random.pick([1025, 2051]) : random.between(1, 1 + Math.ceil(6 * sizeLean)),
});

/** The CPU that runs the program; `ready` must ask {@link cpuRuns}. */
export const cpuArgument = integer({ min: 0, max: 63, default: 0, typical: ({ random }) => random.below(2) });

export const cpuRuns = ({ machine }: ArenaWorld, cpu: number): boolean => cpu < machine.cpus.length;

export interface RelativeAddress {
  readonly page: number;
  readonly byte: number;
  readonly form: 'full' | 'low' | 'garbage' | 'null';
}

/** The 64-bit value that the arguments stand for. */
export function addressOf({ userStart }: Arena, { page, byte, form }: RelativeAddress): bigint {
  const full = BigInt.asUintN(64, userStart + BigInt(page) * 4096n + BigInt(byte));
  switch (form) {
    case 'full':
      return full;
    case 'low':
      return BigInt.asUintN(32, full);
    case 'garbage':
      return BigInt.asUintN(32, full) | 0xabcd_1234_0000_0000n;
    case 'null':
      return 0n;
  }
}

/** An address in the arena's range, as mmap(2) and its like take it: full, or NULL. */
export const userAddress = ({ userStart }: Arena, page: number, byte = 0): bigint =>
  BigInt.asUintN(64, userStart + BigInt(page) * 4096n + BigInt(byte));
