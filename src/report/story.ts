import type picocolors from 'picocolors';
import { type Explanation, explain } from '../engine/explain/explain.ts';
import { performTrace, type Seen } from '../engine/perform.ts';
import type { Outcome } from '../engine/session.ts';
import type { Performed } from '../engine/verdict.ts';
import type { Happened, Invariant } from '../language/invariant.ts';
import { kindsMade, Refusal, type Shown } from '../language/operation.ts';
import { showText } from '../language/show-text.ts';
import type { AnySuite, JournaledWorld } from '../language/suite.ts';
import type { Trace } from '../language/trace.ts';
import { printStep } from '../language/trace-text/print.ts';
import { resultNames } from '../language/trace-text/result-names.ts';
import { explanationLines } from './explanation-text.ts';
import { counted } from './numbers.ts';
import { changedValues, countChanges } from './what-changed.ts';

/** One step of a story. */
interface ToldStep {
  readonly text: string;
  readonly outcome: Outcome;
  /** What it showed, or how the kernel refused it. */
  readonly showed: string | undefined;
  /** How many objects of each kind it changed. */
  readonly changed: Readonly<Record<string, number>>;
  /** Plain values of these objects, as `JitLimit.charged from 4096 to 8192`. */
  readonly values: readonly string[];
  /** What it has to do with the failure at the end. */
  readonly role: readonly string[];
}

/** How a story ends. */
type End =
  | { readonly kind: 'holds' }
  | {
      readonly kind: 'violates' | 'known';
      readonly law: string;
      /** The law as a sentence. */
      readonly sentence: string;
      readonly step: number;
      readonly evidence: readonly string[];
      /** How many of the things that the law speaks of break it, where it speaks of several. */
      readonly share: string | undefined;
      /** The kernel bug and its story, when the violation is a known one. */
      readonly bug?: string;
      readonly bugStory?: string;
    };

type Colours = ReturnType<typeof picocolors.createColors>;

/** A trace as it went: each step with what it showed and changed, and how it ended. */
export class Story {
  readonly title: string;
  readonly about: readonly string[];
  readonly steps: readonly ToldStep[];
  readonly end: End;
  /** Undefined when nothing fails, or so late that the trace should be shrunk first. */
  readonly explanation: Explanation | undefined;

  constructor(told: Pick<Story, 'title' | 'about' | 'steps' | 'end' | 'explanation'>) {
    this.title = told.title;
    this.about = told.about;
    this.steps = told.steps;
    this.end = told.end;
    this.explanation = told.explanation;
  }

  /** The story for people. */
  lines(colours: Colours): readonly string[] {
    const numberWidth = String(this.steps.length).length;
    const told = this.steps.flatMap((step, index) => {
      const number = `${String(index + 1).padStart(numberWidth)}. `;
      const indent = ' '.repeat(number.length);
      const text = step.text.replaceAll('\n', `\n${indent}`);
      return [number + text, ...remarks(step).map((remark) => indent + colours.dim(remark))];
    });
    return [colours.bold(this.title), ...this.about, '', ...told, '', ...this.#ending(colours)];
  }

  #ending(colours: Colours): readonly string[] {
    const { end } = this;
    if (end.kind === 'holds') return [colours.green('Every law holds after every step.')];
    const where = end.step < 0 ? 'The fresh world, before any step,' : `The state after step ${end.step + 1}`;
    const known = end.kind === 'known' ? [`This is the known kernel bug ${end.bug}: ${end.bugStory}`] : [];
    return [
      colours.red(`${where} breaks the law ${end.law}:`),
      `  ${end.sentence}`,
      'because',
      ...end.evidence.map((sentence) => `  ${sentence}`),
      ...(end.share === undefined ? [] : [end.share]),
      ...known,
    ];
  }
}

/**
 * Performs the trace on the model and takes notes. Throws an InputError when it does not fit the suite, a ModelBug when the
 * model contradicts itself.
 */
export function storyOf(suite: AnySuite, kernel: string, trace: Trace): Story {
  const names = resultNames(trace);
  const told: ToldStep[] = [];
  let end: JournaledWorld | undefined;
  const performed = performTrace(suite, trace, {
    kernel,
    watch: (seen) => {
      told.push(tell(seen, names));
      end = seen.world;
    },
  });
  const fault = suite.faults?.find(({ name }) => name === trace.header.fault);
  const about = fault === undefined ? [] : [`The fault ${fault.name} is planted: ${fault.story}`];
  const left = trace.steps.length - told.length;
  if (left > 0) about.push(`The trace goes on for ${counted(left, 'step')} behind the end of the story.`);
  const explanation = explain(suite, trace, { kernel });
  const steps = explanation === undefined ? told : withRoles(told, trace, explanation, names);
  const title = `${suite.name} on ${kernel}`;
  return new Story({ title, about, steps, end: endOf(suite, performed, end), explanation });
}

/** Steps that made no sense have no part in the failure, and none in its explanation. */
function withRoles(
  told: readonly ToldStep[],
  trace: Trace,
  { steps: explained }: Explanation,
  names: ReadonlyMap<number, string>,
): readonly ToldStep[] {
  let place = 0;
  return told.map((step, index) => {
    if (step.outcome === 'not-ready') return step;
    return { ...step, role: explanationLines(trace.steps[index]!, explained[place++]!, names) };
  });
}

function tell({ step, outcome, happened, world }: Seen, names: ReadonlyMap<number, string>): ToldStep {
  const text = printStep(step, names);
  if (happened === undefined) return { text, outcome, showed: undefined, changed: {}, values: [], role: [] };
  const changed = countChanges(happened.changes);
  const values = changedValues(happened.changes);
  const { returned } = happened;
  const showed = returned instanceof Refusal ? returned.answer : showText(shown(world, happened));
  return { text, outcome, showed, changed, values, role: [] };
}

/** What a step that was not refused shows: what it returned, or what it says it shows beside what it made. */
function shown(world: JournaledWorld, { operation, taken, returned }: Happened): Shown {
  if (operation.shows !== undefined) return operation.shows(world, taken, returned);
  return kindsMade(operation).length > 0 ? undefined : (returned as Shown);
}

function remarks({ outcome, showed, changed, values, role }: ToldStep): readonly string[] {
  if (outcome === 'not-ready') return ['makes no sense here any more, and was left out'];
  const kinds = Object.entries(changed).map(([kind, count]) => counted(count, kind));
  return [
    ...(outcome === 'refused' ? [`the kernel refused: ${showed}`] : showed === undefined ? [] : [`showed ${showed}`]),
    ...(kinds.length === 0 ? [] : [`changed ${kinds.join(', ')}`]),
    ...values,
    ...role,
  ];
}

function endOf(suite: AnySuite, performed: Performed, world: JournaledWorld | undefined): End {
  if (performed.kind === 'holds') return { kind: 'holds' };
  const { law, step, evidence } = performed.violation;
  const invariant = suite.invariants.find(({ name }) => name === law);
  const sentence = invariant?.law ?? '';
  const share = world && invariant && shareOf(invariant, world);
  if (performed.kind === 'violates') return { kind: 'violates', law, sentence, step, evidence, share };
  const { bug } = performed;
  const bugStory = suite.kernelBugs?.find(({ name }) => name === bug)?.story ?? '';
  return { kind: 'known', law, sentence, step, evidence, share, bug, bugStory };
}

/** For a law about items: how many of them break it. */
function shareOf(law: Invariant<JournaledWorld>, world: JournaledWorld): string | undefined {
  if ('judgeStep' in law || law.over === undefined) return undefined;
  let [broken, all] = [0, 0];
  for (const item of law.over.all(world)) {
    let isBroken = false;
    law.judge(world, item, () => {
      isBroken = true;
    });
    all++;
    if (isBroken) broken++;
  }
  return `(${broken} of ${counted(all, 'item')} that the law speaks of: ${law.over.name})`;
}
