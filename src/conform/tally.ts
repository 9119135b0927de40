/** Counts the cases of a recording: what a `conform` run reports of one file. */

/** Where a case differs from the model. */
export interface Difference {
  readonly name: string;
  /** Which part of the case: a program, an append, a load. */
  readonly step: string;
  readonly field: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

export interface Conformance {
  /** Judged cases only. */
  readonly cases: number;
  readonly passed: number;
  readonly failed: number;
  /** Cases without a recorded outcome, with the reason the file gives. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** The first differences of at most ten failed cases. */
  readonly firstFailures: readonly Difference[];
}

const SHOWN = 10;

export class Tally {
  readonly #skipped: { name: string; reason: string }[] = [];
  readonly #failures: Difference[] = [];
  #passed = 0;
  #failed = 0;

  skip(name: string, reason: string): void {
    this.#skipped.push({ name, reason });
  }

  /** Judges a case: it passes when nothing differs. Only its first difference is kept. */
  judge(differences: readonly Difference[]): void {
    const [first] = differences;
    if (first === undefined) {
      this.#passed += 1;
      return;
    }
    this.#failed += 1;
    if (this.#failures.length < SHOWN) this.#failures.push(first);
  }

  result(): Conformance {
    return {
      cases: this.#passed + this.#failed,
      passed: this.#passed,
      failed: this.#failed,
      skipped: this.#skipped,
      firstFailures: this.#failures,
    };
  }
}

/** Compares fields in order and gives those that differ; values are compared as JSON. */
export function differences(
  name: string,
  step: string,
  expected: Readonly<Record<string, unknown>>,
  actual: Readonly<Record<string, unknown>>,
): Difference[] {
  return Object.keys(expected)
    .filter((field) => JSON.stringify(expected[field]) !== JSON.stringify(actual[field]))
    .map((field) => ({ name, step, field, expected: expected[field], actual: actual[field] }));
}
