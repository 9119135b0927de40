import { integer, oneOf } from '../language/argument.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import type { Process } from '../model/kernel/user-memory/process.ts';
import { mostly } from './mostly.ts';

/** What the calls that map, unmap and protect have in common. */

/** Pages of a request; 0 stands for the whole arena. */
export const pagesArgument = integer({
  min: 0,
  max: 2 ** 52,
  default: 0,
  boundaries: [1, 2 ** 20, 2 ** 20 + 1, 2 ** 35, 2 ** 52],
  typical: ({ random }) => (random.chance(0.7) ? 0 : random.between(1, 20)),
});

export const rights = { rw: 3, r: 1, none: 0, rx: 5 } as const;
export const rightsArgument = mostly(oneOf(['rw', 'r', 'none', 'rx'], { default: 'rw' }), ['rw'], 0.7);

/** Bytes beyond whole pages, mostly none: addresses, lengths and offsets that are not aligned. */
export const bytesBeyond = integer({
  min: 0,
  max: 4095,
  default: 0,
  boundaries: [1, 4095],
  typical: ({ random }) => (random.chance(0.99) ? 0 : random.below(4096)),
});

export const mayChange = (process: Process): boolean => !process.exited && process.faultsInFlight === 0;
export const maySee = (process: Process): boolean => !process.exited;
export const lengthOf = ({ arena }: ArenaMapping, pages: number): number =>
  pages === 0 ? arena.userPages || arena.attributes.maxEntries : pages;
