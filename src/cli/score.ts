import { Random } from '../base/seed.ts';
import type { MutantsListed, Scored, ScoreTask } from '../engine/campaign/task.ts';
import type { TrialResult } from '../engine/campaign/trial.ts';
import type { Mutant } from '../engine/mutants.ts';
import type { AnySuite } from '../language/suite.ts';
import { counted, grouped } from '../report/numbers.ts';
import { Table } from '../report/table.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL } from './exit-codes.ts';
import { type Lanes, openLanes } from './lanes.ts';
import { count, milliseconds, names, wholeNumber } from './option-values.ts';
import type { Verb } from './verb.ts';

interface ScoreOptions {
  readonly suite?: readonly string[];
  readonly trials: number;
  readonly steps: number;
  readonly mutants: number;
  readonly seed: string;
  readonly jobs: number;
  /** Milliseconds. */
  readonly patience: number;
}

export const scoreVerb: Verb = {
  name: 'score',
  does: 'plants every fault, and mechanical mutants of the model, and measures how soon each is found',
  options: [
    { syntax: '--suite <names>', does: 'suites with commas between them (default: all)', parse: names },
    { syntax: '--trials <n>', does: 'attempts at each', parse: count, default: 10 },
    { syntax: '--steps <n>', does: 'how many steps an attempt may take', parse: count, default: 50_000 },
    { syntax: '--mutants <n>', does: 'how many mutants in all; 0 for none', parse: wholeNumber, default: 200 },
    { syntax: '--seed <text>', does: 'where chance begins', default: 'score' },
    { syntax: '--jobs <n>', does: 'how many lanes at once', parse: count, default: 2 },
    {
      syntax: '--patience <time>',
      does: 'when a lane without progress is taken for hung',
      parse: milliseconds,
      default: 30_000,
    },
  ],
  act: (desk, _words, options: ScoreOptions) => score(desk, options),
};

/** A planted bug and what its trials came to. */
interface Scores {
  readonly kind: 'fault' | 'mutant';
  readonly suite: string;
  readonly kernel: string;
  readonly name: string;
  readonly results: readonly TrialResult[];
}

/** What is to be planted, as a task. */
type Bug = Omit<Scores, 'results'> & { readonly task: ScoreTask };

async function score(desk: Desk, options: ScoreOptions): Promise<Answer> {
  const { registry, surroundings } = desk;
  const suites = options.suite?.map((name) => registry.suite(name)) ?? registry.suites;
  const lanes = openLanes(desk, options.jobs, options.patience);
  try {
    const faults = suites.flatMap((suite) => faultsOf(suite, options));
    const mutants = options.mutants === 0 ? [] : await mutantsOf(desk, lanes, suites, options);
    const bugs = [...faults, ...mutants];
    const table = tableFor(bugs, options);
    desk.say(desk.colours.bold(table.head()));
    const all = await inLanes(desk, options, bugs, async (bug, index) => {
      desk.status.show(`${grouped(index)} of ${counted(bugs.length, 'planted bug')}: ${bug.name}`);
      const { task, ...about } = bug;
      const scores = { ...about, results: await trials(lanes, task) };
      desk.say(table.row(rowOf(scores)));
      return scores;
    });
    return conclude(desk, options, all, surroundings.stopReason() !== undefined);
  } finally {
    desk.status.clear();
    await lanes.end();
  }
}

function faultsOf(suite: AnySuite, options: ScoreOptions): readonly Bug[] {
  const own = (suite.faults ?? []).filter((fault) => fault.suite === suite.name);
  return own.map(({ name, kernel }) => {
    const bug = { kind: 'fault', suite: suite.name, kernel, name } as const;
    return { ...bug, task: { ...taskOf(bug, options), fault: name } };
  });
}

/** Mutants of every suite in turn, drawn by the seed; the same mistake in the same method counts once. */
async function mutantsOf(
  desk: Desk,
  lanes: Lanes,
  suites: readonly AnySuite[],
  options: ScoreOptions,
): Promise<readonly Bug[]> {
  const lists = await inLanes(desk, options, suites, async ({ name, kernels }) => {
    desk.status.show(`looking for mutants of ${name}`);
    const kernel = kernels[0]!;
    const { mutants } = (await lanes.perform({ kind: 'mutants', suite: name, kernel })) as MutantsListed;
    return { suite: name, kernel, left: shuffled(mutants, new Random(`${options.seed}/${name}`)) };
  });
  const taken = new Map<string, Bug>();
  while (taken.size < options.mutants && lists.some(({ left }) => left.length > 0)) {
    for (const { suite, kernel, left } of lists) {
      let mutant = left.pop();
      while (mutant !== undefined && taken.has(mutant.name)) mutant = left.pop();
      if (mutant === undefined || taken.size === options.mutants) continue;
      const bug = { kind: 'mutant', suite, kernel, name: mutant.name } as const;
      taken.set(mutant.name, { ...bug, task: { ...taskOf(bug, options), mutant } });
    }
  }
  return [...taken.values()];
}

function taskOf({ suite, kernel, name }: Omit<Scores, 'results'>, { trials, steps, seed }: ScoreOptions): ScoreTask {
  const seeds = Array.from({ length: trials }, (_, trial) => `${seed}/${name}/${trial}`);
  return { kind: 'score', suite, kernel, seeds, steps };
}

/** A bug that hangs its lane is tried once more, one attempt at a time, so that the others count. */
async function trials(lanes: Lanes, task: ScoreTask): Promise<readonly TrialResult[]> {
  try {
    return ((await lanes.perform(task)) as Scored).results;
  } catch {
    if (task.seeds.length === 1) return [{ kind: 'hung' }];
    const [first, ...others] = task.seeds;
    const one = await trials(lanes, { ...task, seeds: [first!] });
    // A mutant that hangs at once hangs ten times: one look is enough.
    if (one[0]?.kind === 'hung') return task.seeds.map(() => ({ kind: 'hung' as const }));
    return [...one, ...(await trials(lanes, { ...task, seeds: others }))];
  }
}

/** Does the work on each item, as many at once as there are lanes; ends early when the user interrupts. */
async function inLanes<Item, Result>(
  { surroundings }: Desk,
  { jobs }: ScoreOptions,
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length && surroundings.stopReason() === undefined) {
      const index = next++;
      results[index] = await work(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: jobs }, lane));
  return results.filter((result) => result !== undefined);
}

function tableFor(bugs: readonly Bug[], { trials }: ScoreOptions): Table {
  return new Table([
    { title: 'suite', widest: bugs.map(({ suite }) => suite) },
    { title: 'planted', widest: bugs.map(({ name }) => name) },
    { title: 'solved', widest: [`${trials} of ${trials}`], align: 'right' },
    { title: 'median steps', align: 'right' },
    { title: 'median shrunk', align: 'right' },
    { title: '' },
  ]);
}

function rowOf({ suite, name, results }: Scores): readonly string[] {
  const solved = results.filter((result) => result.kind === 'solved');
  const others = (['stopped', 'survived', 'hung'] as const).flatMap((kind) => {
    const times = results.filter((result) => result.kind === kind).length;
    return times === 0 ? [] : [`${times} ${kind}`];
  });
  const steps = medianSteps(results);
  const shrunk = median(solved.map((result) => result.shrunk));
  return [
    suite,
    name,
    `${solved.length} of ${results.length}`,
    steps === undefined ? '-' : grouped(steps),
    shrunk === undefined ? '-' : grouped(shrunk),
    others.join(', '),
  ];
}

/** Over all trials, those without success last; undefined when fewer than half succeeded. */
function medianSteps(results: readonly TrialResult[]): number | undefined {
  const steps = median(results.map((result) => (result.kind === 'solved' ? result.steps : Number.POSITIVE_INFINITY)));
  return steps === Number.POSITIVE_INFINITY ? undefined : steps;
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((one, other) => one - other)[Math.floor((values.length - 1) / 2)];
}

function conclude(desk: Desk, options: ScoreOptions, all: readonly Scores[], stopped: boolean): Answer {
  const totals = (['fault', 'mutant'] as const).map((kind) => totalOf(kind, all));
  desk.say();
  for (const { kind, planted, solvedInAll, solvedOnce, stoppedOnly } of totals.filter((total) => total.planted > 0)) {
    const share = ((100 * solvedInAll) / planted).toFixed(1);
    desk.say(
      `${counted(planted, kind)}: ${solvedInAll} (${share} %) solved in all trials, ${solvedOnce} in one at least` +
        (stoppedOnly === 0 ? '' : `; ${stoppedOnly} more only stopped by the model's own assertions`),
    );
  }
  const survivors = all.filter(({ results }) => !results.some(({ kind }) => kind === 'solved' || kind === 'stopped'));
  if (survivors.length > 0)
    desk.say(`survivors: ${survivors.map(({ suite, name }) => `${name} (${suite})`).join('; ')}`);
  const { trials, steps, seed } = options;
  const scores = all.map(({ results, ...about }) => ({
    ...about,
    solved: results.filter(({ kind }) => kind === 'solved').length,
    trials: results.length,
    medianSteps: medianSteps(results),
    medianShrunk: median(results.flatMap((result) => (result.kind === 'solved' ? [result.shrunk] : []))),
    stopped: results.filter(({ kind }) => kind === 'stopped').length,
    hung: results.filter(({ kind }) => kind === 'hung').length,
    laws: [...new Set(results.flatMap((result) => (result.kind === 'solved' ? [result.law] : [])))],
  }));
  const exitCode = stopped ? (desk.stoppedCode() ?? ALL_WELL) : ALL_WELL;
  return { exitCode, document: { seed, trials, steps, totals, scores } };
}

function totalOf(kind: Scores['kind'], all: readonly Scores[]) {
  const own = all.filter((one) => one.kind === kind);
  const has = (wanted: TrialResult['kind']) => (one: Scores) => one.results.some((result) => result.kind === wanted);
  return {
    kind,
    planted: own.length,
    solvedInAll: own.filter(({ results }) => results.every((result) => result.kind === 'solved')).length,
    solvedOnce: own.filter(has('solved')).length,
    stoppedOnly: own.filter((one) => has('stopped')(one) && !has('solved')(one)).length,
  };
}

function shuffled(mutants: readonly Mutant[], random: Random): Mutant[] {
  const left = [...mutants];
  for (let index = left.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [left[index], left[other]] = [left[other]!, left[index]!];
  }
  return left;
}
