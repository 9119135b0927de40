import picocolors from 'picocolors';
import type { Registry } from '../lab/registry.ts';
import { StatusLine } from '../report/status-line.ts';
import { CLOSED_PIPE, INTERRUPTED } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

/** What a verb answers: the exit code, and the document that `--json` prints. */
export interface Answer {
  readonly exitCode: number;
  readonly document: Readonly<Record<string, unknown>>;
}

/** What a verb works with: the suites, the surroundings, and a place to print that stays silent when standard output belongs to programs. */
export class Desk {
  readonly registry: Registry;
  readonly surroundings: Surroundings;
  readonly colours: ReturnType<typeof picocolors.createColors>;
  readonly status: StatusLine;
  /** The modules that were loaded by `--with`, as the user wrote them. */
  readonly modules: readonly string[];
  /** Whether all suites can be loaded again elsewhere: they are the project's or a module's, not handed in by a program. */
  readonly canReloadSuites: boolean;
  readonly #silent: boolean;

  constructor(
    registry: Registry,
    surroundings: Surroundings,
    options: { silent: boolean; modules: readonly string[]; canReloadSuites: boolean },
  ) {
    this.canReloadSuites = options.canReloadSuites;
    this.registry = registry;
    this.surroundings = surroundings;
    this.modules = options.modules;
    this.#silent = options.silent;
    this.colours = picocolors.createColors(surroundings.colour && !options.silent);
    this.status = new StatusLine(options.silent ? { write: () => true } : surroundings.live, surroundings.now);
  }

  /** Prints a line for people. */
  say(line = ''): void {
    if (this.#silent) return;
    this.status.clear();
    this.surroundings.out(`${line}\n`);
  }

  /** Prints a line about what went wrong, for people. */
  complain(line: string): void {
    if (this.#silent) return;
    this.status.clear();
    this.surroundings.err(`${line}\n`);
  }

  /** The command that people can type to do something with a file, the same modules loaded. */
  command(verb: string, ...given: readonly string[]): string {
    const modules = this.modules.flatMap((module) => ['--with', module]);
    return ['npx roxcheck', verb, ...[...modules, ...given].map(quoted)].join(' ');
  }

  /** The exit code of work that was stopped and found nothing; undefined when nothing stopped it. */
  stoppedCode(): number | undefined {
    const reason = this.surroundings.stopReason();
    if (reason === undefined) return undefined;
    return reason === 'interrupted' ? INTERRUPTED : CLOSED_PIPE;
  }
}

/** A word as a shell reads it back. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
