import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { kernelSentences } from '../lab/kernels.ts';
import { Registry } from '../lab/registry.ts';
import { allSuites } from '../lab/suites/all.ts';
import { InputError } from '../language/input-error.ts';
import type { AnySuite } from '../language/suite.ts';
import { auditVerb } from './audit.ts';
import { bpfConformanceVerb } from './bpf-conformance.ts';
import { bpfPluginVerb } from './bpf-plugin.ts';
import { bugReport } from './bug-report.ts';
import { compareVerb } from './compare.ts';
import { conformVerb } from './conform.ts';
import { coreVerb } from './core.ts';
import { type Answer, Desk } from './desk.ts';
import { distillVerb } from './distill.ts';
import { OUR_OWN_BUG, WRONG_INPUT } from './exit-codes.ts';
import { explainVerb } from './explain.ts';
import { exportVerb } from './export.ts';
import { jitVerb } from './jit.ts';
import { listVerb } from './list.ts';
import { liveVerb } from './live.ts';
import { lockStepVerb } from './lock-step.ts';
import { mainVerb } from './main-job.ts';
import { recordVerb } from './record.ts';
import { replayVerb } from './replay.ts';
import { hasReportOnOutput, type WantedReport } from './reports.ts';
import { runVerb } from './run.ts';
import { scoreVerb } from './score.ts';
import { shrinkVerb } from './shrink.ts';
import { processSurroundings, type Surroundings } from './surroundings.ts';
import { loadSuites } from './user-suites.ts';
import type { Verb, VerbOption } from './verb.ts';
import { version } from './version.ts';
import { vmVerb } from './vm.ts';

/** The suites and the surroundings of a command, where they are not the project's and the process's own. */
export interface MainOptions {
  /** What to offer instead of the project's own suites; spread `allSuites` to offer both. */
  readonly suites?: readonly AnySuite[];
  readonly surroundings?: Surroundings;
}

const VERBS: readonly Verb[] = [
  mainVerb,
  runVerb,
  shrinkVerb,
  scoreVerb,
  distillVerb,
  replayVerb,
  listVerb,
  explainVerb,
  conformVerb,
  compareVerb,
  recordVerb,
  coreVerb,
  jitVerb,
  bpfConformanceVerb,
  bpfPluginVerb,
  liveVerb,
  auditVerb,
  exportVerb,
  vmVerb,
  lockStepVerb,
];

/**
 * The command line. `argv` are the words behind `roxcheck`. Answers with the exit code (0 all well, 1 something found, 2 the
 * user's input is wrong, 3 our own bug, 130 interrupted) and never throws.
 */
export async function main(argv: readonly string[], options: MainOptions = {}): Promise<number> {
  const surroundings = options.surroundings ?? processSurroundings();
  const json = argv.includes('--json');
  let answer: Answer = { exitCode: WRONG_INPUT, document: {} };
  const program = new Command('roxcheck')
    .description(
      'Questions an executable model of how Linux handles executable memory, BPF arenas and the x86-64 BPF JIT.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: surroundings.out, writeErr: (text) => json || surroundings.err(text) })
    .showHelpAfterError('(--help tells more)');
  for (const verb of VERBS) {
    declare(program, verb, async (words, given) => {
      const { with: modules = [] } = given;
      const silent = json || hasReportOnOutput(given.report);
      if (json && hasReportOnOutput(given.report))
        throw new InputError('--json and a report without =FILE both want standard output');
      const suites = [...(options.suites ?? allSuites), ...(await loadSuites(modules, surroundings.folder))];
      const registry = new Registry(suites, kernelSentences);
      answer = await verb.act(
        new Desk(registry, surroundings, { silent, modules, canReloadSuites: options.suites === undefined }),
        words,
        given,
      );
    });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    answer = failed(error, json, surroundings);
  }
  if (json) surroundings.out(`${JSON.stringify({ ...envelope(answer.exitCode), ...answer.document }, printable, 2)}\n`);
  return answer.exitCode;
}

/** Gives the program one verb with its words and options, and the options that every verb has. */
function declare(
  program: Command,
  verb: Verb,
  act: (words: readonly string[], options: CommonOptions) => Promise<void>,
): void {
  const command = program.command(verb.name, { hidden: verb.hidden === true }).description(verb.does);
  for (const { syntax, does, choices } of verb.words ?? []) {
    const word = command.createArgument(syntax, does);
    command.addArgument(choices === undefined ? word : word.choices(choices));
  }
  for (const { syntax, does, parse, default: preset } of verb.options ?? []) {
    const option = new Option(syntax, does);
    if (option.required) option.argParser((text, previous) => asArgument(() => optionValue(text, previous, parse)));
    command.addOption(preset === undefined ? option : option.default(preset));
  }
  command
    .option(
      '--with <module>',
      "load suites of your own from a module's `suites` export (repeatable)",
      (text, previous) => asArgument(() => optionValue(text, previous, append) as readonly string[]),
    )
    .option('--json', 'print one JSON document instead of text')
    .action((...given: unknown[]) => {
      const words = given.slice(0, -2).flat() as (string | undefined)[];
      const present = words.filter((word) => word !== undefined);
      return act(present, given.at(-2) as CommonOptions);
    });
}

/** What every verb can be given, and what decides who owns standard output. */
interface CommonOptions {
  readonly with?: readonly string[];
  readonly report?: readonly WantedReport[];
}

function append(text: string, previous: unknown = []): readonly string[] {
  return [...(previous as readonly string[]), text];
}

/** An option's value. A word that is an option itself was not meant as one: `--seed --json` has forgotten its seed. */
function optionValue(text: string, previous: unknown, parse: VerbOption['parse']): unknown {
  if (/^--[a-z]/.test(text)) throw new InputError(`Expected a value, found the option ${text}.`);
  return parse === undefined ? text : parse(text, previous);
}

/** Lets an option's own parser say what is wrong in commander's way. */
function asArgument<Value>(parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    throw error instanceof InputError ? new InvalidArgumentError(error.message) : error;
  }
}

/** Tells people what went wrong, and answers with the document that tells programs. */
function failed(error: unknown, json: boolean, { err }: Surroundings): Answer {
  if (error instanceof CommanderError) {
    // Commander has printed its message and its hint already.
    const message = error.code === 'commander.help' ? 'expected a verb' : error.message.replace(/^error: /, '');
    return { exitCode: WRONG_INPUT, document: { error: { message } } };
  }
  if (error instanceof InputError) {
    if (!json) err(`${error.describe()}\n`);
    return { exitCode: WRONG_INPUT, document: { error: { message: error.message, ...error.place } } };
  }
  if (!json) err(`${bugReport(error)}\n`);
  return { exitCode: OUR_OWN_BUG, document: { error: { message: messageOf(error) } } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function envelope(exitCode: number) {
  return { tool: 'roxcheck', version, exitCode };
}

/** JSON has no bigint: addresses become hexadecimal strings. */
function printable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
}
