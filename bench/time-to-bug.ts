import { toySuite } from '../properties/engine/toy/suite.ts';
import type { ToyWorld } from '../properties/engine/toy/world.ts';
import { randomOfRun, Walk } from '../src/engine/generate.ts';
import { Session } from '../src/engine/session.ts';
import type { Fault } from '../src/language/fault.ts';
import { median } from './rounds.ts';

/** Operations generated until a fault shows, on the median: counts only, the same on every machine. */
export interface TimeToBug {
  readonly fault: string;
  readonly shortest: number;
  /** With the engine's own mixture, and with the lean to what is new in none and in all of its runs. */
  readonly steps: number;
  readonly withoutGuidance: number;
  readonly alwaysGuided: number;
}

/** A leak of pieces with one tag in 64, in the middle of the range, after so many seals and unseals. */
export function timesToBug(seeds: number): readonly TimeToBug[] {
  return [0, 1, 2, 4].map((cycles) => {
    const fault = leakOfOneTagIn64(cycles);
    const steps = (curiosity?: number) =>
      median(Array.from({ length: seeds }, (_, seed) => search(fault, seed, curiosity)));
    const shortest = 2 + 2 * cycles;
    return { fault: fault.name, shortest, steps: steps(), withoutGuidance: steps(0), alwaysGuided: steps(1) };
  });
}

function search(fault: Fault<ToyWorld>, seed: number, curiosity?: number): number {
  const suite = toySuite({ faults: [fault] });
  const session = new Session(suite, {
    kernel: 'toy',
    fault: fault.name,
    ...(curiosity !== undefined && { curiosity }),
  });
  let steps = 0;
  for (let number = 0; ; number++) {
    const walk = new Walk(session, randomOfRun({ seed: `bug ${seed}`, suite: 'toy', kernel: 'toy', number }), 100);
    while (!walk.advance(100));
    steps += walk.length;
    if (walk.outcome === 'violates') return steps;
  }
}

function leakOfOneTagIn64(cycles: number): Fault<ToyWorld> {
  return {
    name: `leak after ${cycles} cycles`,
    story: 'A freed piece keeps its last chunk.',
    breaks: 'taken-chunks-are-owned',
    kernel: 'toy',
    suite: 'toy',
    source: 'made up',
    plant(world) {
      world.chunksGivenBack = ({ tag, cycles: gone, length }) =>
        gone >= cycles && tag >>> 10 === 37 ? length - 1 : length;
    },
  };
}
