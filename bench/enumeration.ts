import { takenChunksAreOwned } from '../properties/engine/toy/laws.ts';
import { smallToy } from '../properties/engine/toy/small.ts';
import { enumerate } from '../src/engine/enumerate.ts';

/** How an enumeration of the toy went, and how many traces a minute of one processor performs. */
export interface EnumerationFigures {
  readonly steps: number;
  readonly traces: number;
  readonly states: number;
  /** Millions of traces in a minute of processor time: the one figure here that depends on the machine. */
  readonly millionsPerMinute: number;
}

/** Every trace of up to so many steps over at most three pieces, with the law that the bench's other arms judge too. */
export function enumerationFigures(steps: number): EnumerationFigures {
  const suite = smallToy({ invariants: [takenChunksAreOwned] });
  const started = process.cpuUsage();
  const { traces, states } = enumerate(suite, { kernel: 'toy', steps, results: 3 });
  const { user, system } = process.cpuUsage(started);
  return { steps, traces, states: states!, millionsPerMinute: (traces * 60) / (user + system) };
}
