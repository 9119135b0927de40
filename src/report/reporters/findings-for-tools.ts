/**
 * What a command found, in the one shape that all reporters print: groups (a suite on a kernel, a folder of traces) of cases
 * (a law, a trace) with their outcomes.
 */
export interface CaseGroup {
  readonly name: string;
  readonly seconds: number;
  /** Whatever repeats the work: seed, kernel, fault. */
  readonly properties: Readonly<Record<string, string>>;
  readonly cases: readonly ReportedCase[];
}

export interface ReportedCase {
  readonly name: string;
  readonly outcome: CaseOutcome;
}

/** `failed` is about what was questioned, `error` about us or the user. */
export type CaseOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'skipped'; readonly reason: string }
  | {
      readonly kind: 'failed' | 'error';
      /** One line. */
      readonly message: string;
      /** Whatever a human needs to believe it, any number of lines. */
      readonly details: readonly string[];
      /** The saved trace, as a path from the current folder. */
      readonly file?: string | undefined;
    };

/** Prints groups in the format of some other tool. */
export type Reporter = (groups: readonly CaseGroup[]) => string;

export type FailedOutcome = Extract<CaseOutcome, { readonly message: string }>;

export function hasFailed(outcome: CaseOutcome): outcome is FailedOutcome {
  return outcome.kind === 'failed' || outcome.kind === 'error';
}

/** How many cases ended so. */
export function countOf(cases: readonly ReportedCase[], kind: CaseOutcome['kind']): number {
  return cases.filter(({ outcome }) => outcome.kind === kind).length;
}
