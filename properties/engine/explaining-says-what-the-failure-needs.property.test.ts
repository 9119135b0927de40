import { expect, test } from 'vitest';
import {
  type ArgumentExplanation,
  explain,
  LONGEST_EXPLAINED,
  type StepExplanation,
} from '../../src/engine/explain/explain.ts';
import { shrink } from '../../src/engine/shrink.ts';
import { arenaSuite } from '../../src/lab/suites/arena.ts';
import type { Step } from '../../src/language/trace.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { type Condition, leaks, performByHand, stale } from './toy/conditions.ts';
import { leakAfterCycles, staleHole } from './toy/faults.ts';
import { failingTrace } from './toy/run.ts';
import { toySuite } from './toy/suite.ts';

/** What is true of a step, worked out from the condition of the fault by trying everything there is to try. */
function truth(condition: Condition, steps: readonly Step[], index: number): Omit<StepExplanation, 'arguments'> {
  const shows = (variant: readonly Step[]) => performByHand(condition, variant);
  const last = steps.length - 1;
  if (index === last) return { need: 'failing', takesAlong: [], earliest: last, latest: last, isBound: FREE };
  const without = shows(steps.toSpliced(index, 1));
  const isBound = { ...FREE };
  const reach = { before: index, behind: index };
  for (const [side, direction] of [['before', -1] as const, ['behind', 1] as const]) {
    for (let at = index + direction; at >= 0 && at < last; at += direction) {
      const moved = shows(steps.toSpliced(index, 1).toSpliced(at, 0, steps[index]!));
      isBound[side] = moved.leftOut.length === 0 && !moved.fails;
      if (moved.leftOut.length > 0 || !moved.fails) break;
      reach[side] = at;
    }
  }
  const need = !without.fails ? 'needed' : isBound.before || isBound.behind ? 'placed' : 'idle';
  const takesAlong = need === 'needed' ? [] : without.leftOut.map((step) => steps.indexOf(step));
  return { need, takesAlong, earliest: reach.before, latest: reach.behind, isBound };
}

const FREE = { before: false, behind: false };

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  length: [1, 8],
  tag: [0, 65535],
  value: [0, 255],
};

/** Whether the failure persists at both ends of a range and at a hundred places between them, and not just outside of it. */
function isTrueRange(condition: Condition, steps: readonly Step[], index: number, value: Range): boolean {
  const step = steps[index]!;
  const fails = (number: number) => {
    const changed = { ...step, args: { ...step.args, [value.name]: number } };
    const { fails: isFailure, leftOut } = performByHand(condition, steps.with(index, changed));
    return isFailure && leftOut.length === 0;
  };
  const [from, to] = [Number(value.from), Number(value.to)];
  const [least, most] = RANGES[value.name]!;
  const inside = Array.from({ length: 101 }, (_, at) => Math.round(from + ((to - from) * at) / 100));
  const outside = [from - 1, to + 1].filter((number) => number >= least && number <= most);
  return inside.every(fails) && !outside.some(fails);
}

type Range = Extract<ArgumentExplanation, { readonly kind: 'numbers' }>;

test.each([
  { fault: leakAfterCycles(0, 64_000), condition: leaks(0, 64_000) },
  { fault: leakAfterCycles(1, 40_000), condition: leaks(1, 40_000) },
  { fault: leakAfterCycles(2, 20_000), condition: leaks(2, 20_000) },
  { fault: staleHole(1, 40_000), condition: stale(1, 40_000) },
])('of $fault.name it is right in at least 95 of 100 sentences', ({ fault, condition }) => {
  const suite = toySuite({ faults: [fault] });
  let [right, all] = [0, 0];
  const count = (isRight: boolean) => {
    all++;
    if (isRight) right++;
  };
  for (let number = 0; number < 2; number++) {
    const { trace } = failingTrace(`explain ${number}`, { steps: LONGEST_EXPLAINED, fault: fault.name, suite });
    for (const { steps, header } of [trace, shrink(suite, trace).trace]) {
      const { steps: explained } = explain(suite, { header, steps }, { fault: fault.name })!;
      expect(explained).toHaveLength(steps.length);
      for (const [index, { arguments: values, ...step }] of explained.entries()) {
        const is = truth(condition, steps, index);
        count(step.need === is.need);
        count(
          JSON.stringify(step) ===
            JSON.stringify({
              need: is.need,
              takesAlong: is.takesAlong,
              earliest: is.earliest,
              latest: is.latest,
              isBound: is.isBound,
            }),
        );
        for (const value of values) {
          if (value.kind !== 'numbers') continue;
          count(isTrueRange(condition, steps, index, value));
        }
      }
    }
  }
  console.log(`${fault.name}: ${right} of ${all} sentences are right`);
  expect(all).toBeGreaterThan(80);
  expect(right / all).toBeGreaterThanOrEqual(0.95);
});

test('of an arena that refuses large requests it names the sizes', () => {
  const trace = parseTrace(
    `kernel: 7.0
suite: arena
fault: big-requests-fail

arena1 = arena_map_alloc(slots: 2500, place: page)
program1 = bpf_prog_load(arena1)
arena2 = arena_map_alloc(slots: 7)
bpf_arena_alloc_pages(program1, form: null, count: 1100)
`,
    [arenaSuite],
  );
  const [large, program, other, request] = explain(arenaSuite, trace)!.steps as [
    StepExplanation,
    StepExplanation,
    StepExplanation,
    StepExplanation,
  ];
  expect([large.need, program.need, other.need, request.need]).toEqual(['needed', 'needed', 'idle', 'failing']);
  expect(large.arguments).toContainEqual(expect.objectContaining({ name: 'slots', from: 1100 }));
  expect(request.arguments).toContainEqual(expect.objectContaining({ name: 'count', from: 1025, to: 2500 }));
  expect(program.arguments).toContainEqual({ name: 'arena', kind: 'result', others: [], isTried: false });
});
