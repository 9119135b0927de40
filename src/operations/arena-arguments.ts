import { type Draft, integer, oneOf } from '../language/argument.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import type { Arena } from '../model/bpf/arena.ts';
import { carefully } from './careful-caller.ts';

/** Arguments that operations on arenas share. Addresses are given relative to the arena, so that a trace survives its base. */

const pageOfRun = ({ random, sizeLean }: Draft) =>
  random.chance(0.03) ? 2 ** 20 - 1 : random.below(2 + Math.ceil(18 * sizeLean));

/**
 * Pages from the base, as many as arenas of this run may have, or the last one of 4 GiB; careless callers ask below the base
 * and far behind the end.
 */
export const pageArgument = carefully(
  integer({
    min: -(2 ** 20),
    max: 2 ** 21,
    default: 0,
    boundaries: [-8, 0, 7, 15, 1024, 2 ** 20 - 1, 2 ** 20],
    typical: ({ random }) => random.between(-2, 40),
  }),
  pageOfRun,
);

/** The same for calls that take a whole address: also where no user space is, and so far that the sum wraps in 64 bits. */
export const wholePageArgument = carefully(
  integer({
    min: -(2 ** 51),
    max: 2 ** 52 - 1,
    default: 0,
    boundaries: [-8, 0, 15, 2 ** 20, 2 ** 35, 2 ** 51],
    typical: ({ random }) => random.between(-2, 40),
  }),
  pageOfRun,
);

const anyByte = integer({ min: 0, max: 4095, default: 0, boundaries: [4088] });

/** The byte within the page that an access begins at. */
export const byteArgument = carefully(anyByte, ({ random }) => (random.chance(0.8) ? 0 : random.below(4096)));

/** Bytes beyond whole pages, for calls that want whole pages: addresses, lengths and offsets that are not aligned. */
export const bytesBeyond = carefully(anyByte, () => 0);

const anyForm = oneOf(['full', 'low', 'garbage', 'null'], { default: 'full' });

/** How the 64-bit register is made of the address: as it is, its low half, garbage above the low half, or 0. */
const formWith = (nullProbability: number) =>
  carefully(anyForm, ({ random }) =>
    random.chance(nullProbability) ? 'null' : random.pick(['full', 'low', 'garbage']),
  );

/** Few mean NULL, save who asks for pages anywhere. */
export const formArgument = formWith(0.03);
export const formOrAnywhere = formWith(0.5);

/** The register with a page count, of which the call takes the low half: a u32 (`count >>> 0`). */
export const countArgument = carefully(
  integer({
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    default: 1,
    boundaries: [0, 2, 16, 1024, 2 ** 20, 2 ** 31, 2 ** 32],
    typical: ({ random }) => random.below(2 ** 32),
  }),
  ({ random, sizeLean }) =>
    random.chance(0.05) ? random.pick([1025, 2051]) : random.between(1, 1 + Math.ceil(6 * sizeLean)),
);

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
