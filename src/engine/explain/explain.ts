import type { JournaledWorld, Suite } from '../../language/suite.ts';
import type { Step, Trace } from '../../language/trace.ts';
import { madeArguments, valueArguments } from '../dependencies.ts';
import { type PerformOptions, sessionOptions } from '../perform.ts';
import { Session } from '../session.ts';
import { type NumberRange, rangeOf, type WordChoice, wordChoice } from './argument-range.ts';
import { resultChoice } from './result-choice.ts';
import { Variants } from './variants.ts';

/** What each step of a failing trace has to do with its failure, found by performing variants of the trace. */
export interface Explanation {
  /** By step, up to the failing one. */
  readonly steps: readonly StepExplanation[];
  /** Variants performed. */
  readonly executions: number;
}

export interface StepExplanation {
  /**
   * `failing`: the law breaks after it. `needed`: without it the failure goes away. `idle`: the failure stays without it.
   * `placed`: it stays without it too, but goes away when the step stands elsewhere, so only its place matters.
   */
  readonly need: 'failing' | 'needed' | 'idle' | 'placed';
  /** Indices of the steps that make no sense without this one and went with it. */
  readonly takesAlong: readonly number[];
  /** The first and last index at which it can stand and the failure still shows. */
  readonly earliest: number;
  readonly latest: number;
  /** Whether the failure goes away just before and just behind these; else the step would make no sense there. */
  readonly isBound: { readonly before: boolean; readonly behind: boolean };
  readonly arguments: readonly ArgumentExplanation[];
}

/** In which range of an argument the failure persists, all other arguments as they are. */
export type ArgumentExplanation = { readonly name: string } & (
  | NumberRange
  | WordChoice
  | { readonly kind: 'result'; readonly others: readonly number[]; readonly isTried: boolean }
);

/** Longer traces should be shrunk first: what is idle in them is no news. */
export const LONGEST_EXPLAINED = 32;

/**
 * Explains why a trace fails: which steps it takes, in which order and with which values. Undefined when it breaks no law, and
 * when it fails later than {@link LONGEST_EXPLAINED} steps.
 *
 * A failure persists when the same law breaks after the same step, the last one. Throws what {@link performTrace} throws.
 */
export function explain<World extends JournaledWorld>(
  suite: Suite<World>,
  trace: Trace,
  options: PerformOptions = {},
): Explanation | undefined {
  const session = new Session(suite, sessionOptions(suite, trace, options));
  const variants = Variants.of(session, trace.steps, LONGEST_EXPLAINED);
  if (variants === undefined) return undefined;
  const steps = variants.steps.map((_, index) => explainStep(variants, index));
  return { steps, executions: variants.executions };
}

function explainStep<World extends JournaledWorld>(variants: Variants<World>, index: number): StepExplanation {
  const { steps } = variants;
  const explained = explainArguments(variants, index);
  if (index === steps.length - 1) {
    const here = { earliest: index, latest: index, isBound: { before: false, behind: false } };
    return { need: 'failing', takesAlong: [], ...here, arguments: explained };
  }
  const without = variants.perform(steps.toSpliced(index, 1));
  const { at: earliest, isBound: before } = walk(variants, index, -1);
  const { at: latest, isBound: behind } = walk(variants, index, 1);
  const need = without.shows === 'failure' ? (before || behind ? 'placed' : 'idle') : 'needed';
  const takesAlong = need === 'needed' ? [] : without.leftOut.map((step) => steps.indexOf(step));
  return { need, takesAlong, earliest, latest, isBound: { before, behind }, arguments: explained };
}

/** How far the step can move in a direction; whether it is the failure that ends there, or the step's own sense. */
function walk<World extends JournaledWorld>(
  variants: Variants<World>,
  index: number,
  direction: 1 | -1,
): { readonly at: number; readonly isBound: boolean } {
  const { steps } = variants;
  const others = steps.toSpliced(index, 1);
  let at = index;
  for (let next = at + direction; next >= 0 && next < steps.length - 1; next += direction) {
    const { shows, leftOut } = variants.perform(others.toSpliced(next, 0, steps[index]!));
    if (leftOut.length > 0) return { at, isBound: false };
    if (shows !== 'failure') return { at, isBound: true };
    at = next;
  }
  return { at, isBound: false };
}

function explainArguments<World extends JournaledWorld>(
  variants: Variants<World>,
  index: number,
): readonly ArgumentExplanation[] {
  const step = variants.steps[index]!;
  const persists = (name: string) => (value: unknown) => {
    const changed: Step = { ...step, args: { ...step.args, [name]: value } };
    const { shows, leftOut } = variants.perform(variants.steps.with(index, changed));
    return shows === 'failure' && leftOut.length === 0;
  };
  return [
    ...madeArguments(step.operation).map((name) => ({
      name,
      ...resultChoice(variants.steps, index, name, persists(name)),
    })),
    ...valueArguments(step).map((name) => ({ name, ...explainValue(variants, step, name, persists(name)) })),
  ];
}

function explainValue<World extends JournaledWorld>(
  { draft }: Variants<World>,
  { operation, args }: Step,
  name: string,
  persists: (value: unknown) => boolean,
): NumberRange | WordChoice {
  const argument = operation.takes[name];
  const value = args[name];
  return typeof value === 'number' || typeof value === 'bigint'
    ? rangeOf(argument, value, persists)
    : wordChoice(argument, value, draft, persists);
}
