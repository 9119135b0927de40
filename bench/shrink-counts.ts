import { leakAfterCycles, staleHole } from '../properties/engine/toy/faults.ts';
import { failingTrace } from '../properties/engine/toy/run.ts';
import { toySuite } from '../properties/engine/toy/suite.ts';
import type { ToyWorld } from '../properties/engine/toy/world.ts';
import { certify } from '../src/engine/certify.ts';
import { shrink } from '../src/engine/shrink.ts';
import type { Fault } from '../src/language/fault.ts';
import { median } from './rounds.ts';

/** How well one kind of fault is shrunk: counts only, the same on every machine. */
export interface ShrinkCount {
  readonly fault: string;
  /** The steps of the traces that are shrunk, on the median. */
  readonly from: number;
  /** The shortest trace there is, by the fault's construction. */
  readonly shortest: number;
  readonly atShortest: string;
  readonly minimal: string;
  readonly executions: number;
  readonly executionsNinetiethPercentile: number;
}

/** Faults whose trigger is rare enough that traces of about `length` steps fail at their end. */
export function shrinkCounts(traces: number): readonly ShrinkCount[] {
  return [50, 200, 1000].flatMap((length) => {
    const rare = (share: number) => Math.round(65536 * (1 - Math.min(0.9, share / length)));
    return [
      count(leakAfterCycles(0, rare(5)), { shortest: 2, length, traces }),
      count(leakAfterCycles(1, rare(12)), { shortest: 4, length, traces }),
      count(leakAfterCycles(2, rare(40)), { shortest: 6, length, traces }),
      count(staleHole(1, rare(14)), { shortest: 5, length, traces }),
      count(staleHole(2, rare(22)), { shortest: 7, length, traces }),
    ];
  });
}

function count(
  fault: Fault<ToyWorld>,
  { shortest, length, traces }: { shortest: number; length: number; traces: number },
): ShrinkCount {
  const suite = toySuite({ faults: [fault] });
  const from: number[] = [];
  const executions: number[] = [];
  let [atShortest, minimal] = [0, 0];
  for (let number = 0; from.length < traces; number++) {
    const { trace } = failingTrace(`shrink ${length} ${number}`, {
      steps: Math.round(1.2 * length),
      fault: fault.name,
      suite,
    });
    if (trace.steps.length < 0.8 * length) continue;
    from.push(trace.steps.length);
    const shrunk = shrink(suite, trace);
    executions.push(shrunk.executions);
    if (shrunk.trace.steps.length === shortest) atShortest++;
    if (certify(suite, shrunk.trace, { pairs: true }).isMinimal) minimal++;
  }
  return {
    fault: fault.name,
    from: median(from),
    shortest,
    atShortest: `${atShortest}/${traces}`,
    minimal: `${minimal}/${traces}`,
    executions: median(executions),
    executionsNinetiethPercentile: executions.sort((one, other) => one - other)[Math.floor(0.9 * traces)]!,
  };
}
