/** A field in which the model and a recorded kernel differ. */
export interface Difference {
  /** The case's name as the file gives it. */
  readonly name: string;
  /** The step within the case, counted from 0; undefined when the case has no steps. */
  readonly step?: number;
  readonly field: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** How the judged cases of one class came out. */
export interface ClassCount {
  readonly name: string;
  readonly cases: number;
  readonly passed: number;
  readonly failed: number;
}

/** What performing one recording on the model showed. */
export interface ConformReport {
  /** Judged cases: `passed + failed`. */
  readonly cases: number;
  readonly passed: number;
  readonly failed: number;
  /** Cases that were not judged; the reason comes from the file itself. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** At most {@link MOST_DIFFERENCES}, at most one for each case. */
  readonly firstFailures: readonly Difference[];
  /** By the class that the file gives its cases, in the order of their names; none where it gives none. */
  readonly classes: readonly ClassCount[];
}

export const MOST_DIFFERENCES = 10;

/** A line of a recording: one JSON object. */
export type RecordedLine = Readonly<Record<string, unknown>>;

/** What a kind of recording may ask for beside its own lines. */
export interface ConformContext {
  /** The file's name without folders, for kinds whose kernel is part of it (`prog-pack-6.1.jsonl.gz`). */
  readonly fileName: string;
  /**
   * The lines of a companion file (looked for beside the recording, then in `corpus/golden`). Throws an InputError that
   * names it when it is missing.
   */
  companion(fileName: string): readonly RecordedLine[];
  /** The same for a companion that may be missing. */
  optionalCompanion(fileName: string): readonly RecordedLine[] | undefined;
}

/** One kind of recorded kernel behaviour: how it is known by its content, and how the model performs it. */
export interface RecordingKind {
  readonly name: string;
  /** One sentence: what was recorded. */
  readonly about: string;
  /** Whether a file that begins with this object is of this kind. */
  recognises(first: RecordedLine): boolean;
  /** Throws an InputError (with a line) when the recording is damaged. */
  perform(lines: readonly RecordedLine[], context: ConformContext): ConformReport;
}

/** Collects the verdicts on cases while they are performed. */
export class ConformTally implements ConformReport {
  readonly skipped: { readonly name: string; readonly reason: string }[] = [];
  readonly firstFailures: Difference[] = [];
  passed = 0;
  failed = 0;
  readonly #classes = new Map<string, ClassCount>();

  get classes(): readonly ClassCount[] {
    return [...this.#classes.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  get cases(): number {
    return this.passed + this.failed;
  }

  /** Counts a judged case, of a class where the file names one; without a difference it passed. */
  judge(difference: Difference | undefined, name?: string): void {
    if (name !== undefined) this.#count(name, difference === undefined);
    if (difference === undefined) {
      this.passed++;
      return;
    }
    this.failed++;
    if (this.firstFailures.length < MOST_DIFFERENCES) this.firstFailures.push(difference);
  }

  #count(name: string, passed: boolean): void {
    const before = this.#classes.get(name) ?? { name, cases: 0, passed: 0, failed: 0 };
    const [good, bad] = passed ? [1, 0] : [0, 1];
    this.#classes.set(name, {
      name,
      cases: before.cases + 1,
      passed: before.passed + good,
      failed: before.failed + bad,
    });
  }

  /** The same for a case that was compared field by field: only its first difference is kept. */
  judgeFirst([first]: readonly Difference[]): void {
    this.judge(first);
  }

  skip(name: string, reason: string): void {
    this.skipped.push({ name, reason });
  }
}

/** Compares fields in order and gives those that differ; values are compared as JSON. `part` says which part of the case. */
export function differences(
  name: string,
  part: string,
  expected: Readonly<Record<string, unknown>>,
  actual: Readonly<Record<string, unknown>>,
): Difference[] {
  return Object.keys(expected)
    .filter((field) => JSON.stringify(expected[field]) !== JSON.stringify(actual[field]))
    .map((field) => ({ name, field: `${part}.${field}`, expected: expected[field], actual: actual[field] }));
}
