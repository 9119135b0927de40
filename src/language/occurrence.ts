import type { Happened } from './invariant.ts';

/**
 * Something that the runs of a suite should meet: laws say little about what never happens. Where it happens too rarely the
 * suite's generation is at fault, not the kernel, and the run's verdict is `rare`.
 */
export interface Occurrence<World> {
  readonly name: string;
  /** As one sentence: `A free empties a pack.` */
  readonly says: string;
  /** In which share of the runs at least, above 0 and below 1; undefined where once in the suite's budget is enough. */
  readonly share?: number;
  /** The names of the operations after which it is asked; all where it names none. */
  readonly after?: readonly string[];
  /** Whether it has just happened. Not asked again in the same run when it has. */
  happens(world: World, happened: Happened): boolean;
}

type Described<World> = Omit<Occurrence<World>, 'share'>;

/** Declares what should happen in at least this share of the runs. */
export function required<World>(share: number, description: Described<World>): Occurrence<World> {
  return { ...description, share };
}

/** Declares what should happen sometimes: once in the suite's default budget. */
export function sometimes<World>(description: Described<World>): Occurrence<World> {
  return description;
}
