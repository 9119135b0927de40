import type { Answer, Desk } from './desk.ts';

/** One verb of the command line in one record: what it is called, what it takes and what it does. */
export interface Verb {
  readonly name: string;
  /** One sentence for `--help`. */
  readonly does: string;
  /** For other processes of this program: `--help` does not tell of it. */
  readonly hidden?: boolean;
  readonly words?: readonly Word[];
  readonly options?: readonly VerbOption[];
  /** Throws an InputError when what the user gave is wrong. */
  // biome-ignore lint/suspicious/noExplicitAny: each verb names the options it declares
  act(desk: Desk, words: readonly string[], options: any): Promise<Answer>;
}

/** A word behind the verb, as `<one>`, `[optional]` or `[several...]`. */
interface Word {
  readonly syntax: string;
  readonly does: string;
  readonly choices?: readonly string[];
}

export interface VerbOption {
  /** As in `--runs <n>`. */
  readonly syntax: string;
  readonly does: string;
  /** Throws an InputError that says what was expected. */
  parse?(text: string, previous: unknown): unknown;
  readonly default?: unknown;
}
