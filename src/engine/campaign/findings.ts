import { isSameBug } from './failure-shape.ts';
import type { FoundFailure, Minimal } from './task.ts';

/** A bug as far as a campaign can tell it from others. */
export interface Finding {
  readonly minimal: Minimal;
  /** The failure that it was first seen as. */
  readonly first: FoundFailure;
  /** How many failures were this one. */
  count: number;
}

/**
 * Gathers the failures of one suite on one kernel. They come in the order of the runs, whichever lane met them, so the
 * findings and their counts depend on the runs alone.
 *
 * Shrinking costs a hundred times what meeting a failure costs. Of failures that complain alike the first few are shrunk, and
 * then one each time their number doubles, so that a rare bug behind a frequent one has its chance; the others count for the
 * finding that most of the shrunk ones were.
 */
export class Findings {
  readonly #findings: Finding[] = [];
  readonly #met = new Map<string, number>();
  readonly #tickets: Ticket[] = [];
  readonly #shrunkAs = new Map<string, Map<Finding, number>>();
  readonly #onFinding: (finding: Finding) => void;

  /** `onFinding` is told of each new bug. */
  constructor(onFinding: (finding: Finding) => void) {
    this.#onFinding = onFinding;
  }

  get all(): readonly Finding[] {
    return this.#findings;
  }

  /** Failures that wait for a shrinker. */
  get waiting(): number {
    return this.#tickets.filter(({ minimal }) => minimal === 'awaited').length;
  }

  /** Takes the next failure. Answers with a function to give its minimal trace to, if it should be shrunk. */
  meet(failure: FoundFailure): ((minimal: Minimal) => void) | undefined {
    const times = (this.#met.get(failure.complaint) ?? 0) + 1;
    this.#met.set(failure.complaint, times);
    const ticket: Ticket = { failure, minimal: isWorthShrinking(times) ? 'awaited' : undefined };
    this.#tickets.push(ticket);
    this.#settle();
    if (ticket.minimal === undefined) return undefined;
    return (minimal) => {
      ticket.minimal = minimal;
      this.#settle();
    };
  }

  /** Settles as many as can be, in their order. */
  #settle(): void {
    while (this.#tickets[0] !== undefined && this.#tickets[0].minimal !== 'awaited') {
      const { failure, minimal } = this.#tickets.shift() as Settled;
      const finding = minimal === undefined ? this.#likely(failure) : this.#told(failure, minimal);
      finding.count++;
    }
  }

  #told(failure: FoundFailure, minimal: Minimal): Finding {
    let finding = this.#findings.find((one) => isSameBug(one.minimal.shape, minimal.shape));
    if (finding === undefined) {
      finding = { minimal, first: failure, count: 0 };
      this.#findings.push(finding);
      this.#onFinding(finding);
    }
    const votes = this.#shrunkAs.get(failure.complaint) ?? new Map<Finding, number>();
    votes.set(finding, (votes.get(finding) ?? 0) + 1);
    this.#shrunkAs.set(failure.complaint, votes);
    return finding;
  }

  /** What most of the shrunk failures with this complaint were; the first of a complaint is always shrunk. */
  #likely({ complaint }: FoundFailure): Finding {
    const votes = [...this.#shrunkAs.get(complaint)!];
    return votes.reduce((best, next) => (next[1] > best[1] ? next : best))[0];
  }
}

interface Ticket {
  readonly failure: FoundFailure;
  /** Undefined: it is only counted. */
  minimal: Minimal | 'awaited' | undefined;
}

type Settled = Ticket & { readonly minimal: Minimal | undefined };

function isWorthShrinking(times: number): boolean {
  return times <= ALWAYS_SHRUNK || Number.isInteger(Math.log2(times));
}

const ALWAYS_SHRUNK = 5;
