import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kernelsToCompare } from '../compare/kernels.ts';
import { measure, type Row } from '../compare/measurement.ts';
import { churn, fleet, golden, modules, type Workload, type WorkloadName, workloadNames } from '../compare/workload.ts';
import { recordedWork } from '../conform/prog-pack-work.ts';
import { configurationOf } from '../lab/boot-world.ts';
import { InputError } from '../language/input-error.ts';
import { unknownName } from '../language/nearest.ts';
import type { MachineSettings } from '../language/suite.ts';
import { comparisonPlot } from '../report/comparison-plot.ts';
import { comparisonCells, comparisonCsv, comparisonTable } from '../report/comparison-table.ts';
import { counted, grouped } from '../report/numbers.ts';
import type { Desk } from './desk.ts';
import { ALL_WELL } from './exit-codes.ts';
import { inFile, saveAs } from './files.ts';
import { count, names, setting } from './option-values.ts';
import { readRecording } from './recording-file.ts';
import type { Verb } from './verb.ts';

interface Options {
  readonly kernels?: readonly string[];
  readonly workload: WorkloadName;
  readonly programs?: number;
  readonly operations?: number;
  readonly machine?: MachineSettings;
  readonly seed: string;
  readonly csv?: boolean;
  readonly json?: boolean;
  readonly plot?: string;
}

const PROGRAMS: Readonly<Record<string, number>> = { fleet: 10_000, modules: 1_000, churn: 2_000 };
/** What the module window can hold with pages of their own; more programs are not a question that a kernel could answer. */
const MOST_PROGRAMS = 1_000_000;

/**
 * `roxcheck compare`: the same work on the allocators of many kernels, and what each of them made of it. The columns are the
 * claims of the mails that asked for shared text: direct-map fragmentation, iTLB reach, TLB shootdowns, memory per program, one
 * API for all.
 */
export const compareVerb: Verb = {
  name: 'compare',
  does: 'does the same work on the text allocators of many kernels, side by side',
  options: [
    {
      syntax: '--kernels <names>',
      does: 'kernels with commas between them, or all (default: one of each kind)',
      parse: names,
    },
    {
      syntax: '--workload <name>',
      does: `what is done: ${workloadNames.join(', ')}`,
      default: 'fleet',
      parse: workloadName,
    },
    {
      syntax: '--programs <n>',
      does: 'how many programs live at once (default: 10000 of a fleet)',
      parse: programCount,
    },
    { syntax: '--operations <n>', does: 'loads and unloads of churn (default: ten for each program)', parse: count },
    { syntax: '--machine <setting>', does: 'KEY=VALUE of the modelled machine (repeatable)', parse: setting },
    { syntax: '--seed <text>', does: 'where chance begins; the same seed is the same work', default: 'compare' },
    { syntax: '--csv', does: 'print every number as comma-separated values instead of the table' },
    { syntax: '--plot <file>', does: 'draw the curves over the number of programs (SVG)', parse: svgPath },
  ],
  async act(desk, _, options: Options) {
    const kernels = kernelsToCompare(options.kernels);
    const workload = workloadOf(options);
    const { machine = {} } = options;
    configurationOf(machine);
    const table = comparisonTable(kernels.map(({ name }) => name));
    if (options.csv !== true) {
      desk.say(`${workload.name}: ${workload.about}; at most ${counted(workload.programs, 'program')} at once\n`);
      desk.say(desk.colours.bold(table.head()));
    }
    const rows: Row[] = [];
    for (const profile of kernels) {
      const row = await measure(profile, workload, {
        machine,
        seed: options.seed,
        now: desk.surroundings.worked,
        stop: () => desk.surroundings.stopReason() !== undefined,
        onProgress: (operations) => desk.status.show(`${profile.name}: ${grouped(operations)} operations`),
      });
      if (row === undefined) break;
      rows.push(row);
      if (options.csv !== true) desk.say(table.row(comparisonCells(row)));
    }
    if (options.csv === true) desk.say(comparisonCsv(rows).trimEnd());
    if (options.plot !== undefined) await draw(desk, options.plot, rows, workload);
    const { name, programs } = workload;
    return {
      exitCode: desk.stoppedCode() ?? ALL_WELL,
      document: { workload: name, programs, seed: options.seed, rows },
    };
  },
};

function workloadOf({
  workload,
  programs = PROGRAMS[workload] ?? 0,
  operations,
  csv,
  json,
  plot,
}: Options & { readonly programs?: number }): Workload {
  if (csv === true && json === true)
    throw new InputError('--csv and --json are two forms of one answer; give one of them');
  if (operations !== undefined && workload !== 'churn') {
    throw new InputError(`--operations belongs to the workload churn, not to ${workload}`);
  }
  const size = { programs, operations: operations ?? 10 * programs };
  switch (workload) {
    case 'fleet':
      return fleet(size);
    case 'modules':
      return modules(size);
    case 'churn':
      return churn(size);
    case 'golden':
      if (programs !== 0) throw new InputError('the workload golden is what was recorded: it takes no --programs');
      if (plot !== undefined) throw new InputError('the workload golden does not grow: there is nothing to --plot');
      return golden(inFile(RECORDING, () => recordedWork(readRecording(join(GOLDEN, RECORDING)))));
  }
}

const GOLDEN = fileURLToPath(new URL('../../corpus/golden', import.meta.url));
const RECORDING = 'prog-pack-6.18.jsonl.gz';

async function draw(desk: Desk, path: string, rows: readonly Row[], workload: Workload): Promise<void> {
  const svg = await comparisonPlot(rows, workload.about);
  inFile(path, () => saveAs(resolve(desk.surroundings.folder, path), svg));
  desk.complain(`drawn: ${path}`);
}

function workloadName(text: string): WorkloadName {
  const found = workloadNames.find((name) => name === text);
  if (found === undefined) throw new InputError(unknownName('workload', text, workloadNames));
  return found;
}

function programCount(text: string): number {
  const programs = count(text);
  if (programs > MOST_PROGRAMS) throw new InputError(`Expected at most ${grouped(MOST_PROGRAMS)} programs.`);
  return programs;
}

function svgPath(text: string): string {
  if (!text.endsWith('.svg')) throw new InputError('Expected a file name that ends in .svg.');
  return text;
}
