/** Counts the cases of a recording: what performing one shows. */

/** A field in which the model and a recorded kernel differ. */
export interface Difference {
  readonly name: string;
  /** Which part of the case and which field of it, as `load.errno`. */
  readonly field: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

export interface Conformance {
  /** Judged cases only. */
  readonly cases: number;
  readonly passed: number;
  readonly failed: number;
  /** Cases that were not judged; the reason comes from the file itself. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** At most ten, one a case. */
  readonly firstFailures: readonly Difference[];
}

const MOST_DIFFERENCES = 10;

export class Tally implements Conformance {
  readonly skipped: { readonly name: string; readonly reason: string }[] = [];
  readonly firstFailures: Difference[] = [];
  passed = 0;
  failed = 0;

  get cases(): number {
    return this.passed + this.failed;
  }

  skip(name: string, reason: string): void {
    this.skipped.push({ name, reason });
  }

  /** Judges a case: it passes when nothing differs. Only its first difference is kept. */
  judge([first]: readonly Difference[]): void {
    if (first === undefined) this.passed += 1;
    else {
      this.failed += 1;
      if (this.firstFailures.length < MOST_DIFFERENCES) this.firstFailures.push(first);
    }
  }
}

/** Compares fields in order and gives those that differ; values are compared as JSON. */
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
