import { integer, made, oneOf } from '../language/argument.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import type { Process } from '../model/kernel/user-memory/process.ts';
import { carefully, rather } from './careful-caller.ts';

/** What the calls that map, unmap and protect have in common. */

/** A process, and rather one that has something mapped; an arena, and rather one that somebody has mapped. */
export const mappingProcess = rather(made<Process>('process'), ({ areas }) => areas.length > 0);
export const mappedArena = rather(made<ArenaMapping>('arena'), (arena, { world }) =>
  (world as ArenaWorld).processes.items.some(({ areas }) => areas.some(({ file }) => file === arena)),
);

/** Pages of a request; 0 stands for the whole arena. */
export const pagesArgument = carefully(
  integer({
    min: 0,
    max: 2 ** 52,
    default: 0,
    boundaries: [1, 2 ** 20, 2 ** 20 + 1, 2 ** 35, 2 ** 52],
    typical: ({ random }) => random.between(1, 20),
  }),
  ({ random }) => (random.chance(0.85) ? 0 : random.between(1, 20)),
);

export const rights = { rw: 3, r: 1, none: 0, rx: 5 } as const;
export const rightsArgument = carefully(oneOf(['rw', 'r', 'none', 'rx'], { default: 'rw' }), ({ random }) =>
  random.chance(0.8) ? 'rw' : random.pick(['r', 'none'] as const),
);

export const mayChange = (process: Process): boolean => !process.exited && process.faultsInFlight === 0;
export const maySee = (process: Process): boolean => !process.exited;
export const lengthOf = ({ arena }: ArenaMapping, pages: number): number =>
  pages === 0 ? arena.userPages || arena.attributes.maxEntries : pages;
