import { performOn } from '../engine/perform.ts';
import { Session } from '../engine/session.ts';
import type { Performed } from '../engine/verdict.ts';
import type { Registry } from '../lab/registry.ts';
import type { Expectation } from '../language/trace.ts';
import { printExpectation } from '../language/trace-text/header.ts';
import { inFile } from './files.ts';
import { atLineOf, type LoadedTrace, understandTrace } from './traces.ts';

/** What a trace was expected to do and did, as `--json` gives it. */
export interface Replayed {
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  readonly ok: boolean;
  /** Steps that made no sense where they stood, so that they were not performed. */
  readonly skipped: number;
}

/** Performs saved traces one after the other, on worlds that it boots once for all traces of a suite, kernel and machine. */
export class Replayer {
  readonly #registry: Registry;
  readonly #sessions = new Map<string, Session>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Throws an InputError with file, line and column for a text that is no trace. */
  replay(path: string, text: string): Replayed {
    return inFile(path, () => {
      const loaded = understandTrace(this.#registry, path, text);
      const { trace } = loaded;
      const performed = performOn(
        atLineOf('machine', text, () => this.#session(loaded)),
        trace,
      );
      const { expect = { kind: 'holds' } } = trace.header;
      const skipped = performed.skipped.length;
      // A trace none of whose steps is possible any more shows nothing, whatever it expects.
      const isDead = skipped > 0 && skipped === trace.steps.length;
      const actual = isDead ? 'nothing to judge' : describe(performed);
      return { path, expected: printExpectation(expect), actual, ok: actual === describeExpected(expect), skipped };
    });
  }

  #session({ trace: { header }, suite, kernel }: LoadedTrace): Session {
    const { machine = {}, fault } = header;
    const key = JSON.stringify([suite.name, kernel, machine, fault]);
    let session = this.#sessions.get(key);
    if (session === undefined) {
      session = new Session(suite, { kernel, machine, fault });
      // A fault has a few traces, a suite without one may have hundreds.
      if (this.#sessions.size >= MOST_KEPT) this.#sessions.delete(this.#sessions.keys().next().value!);
    }
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    return session;
  }
}

const MOST_KEPT = 32;

function describe(performed: Performed): string {
  switch (performed.kind) {
    case 'violates':
      return `violates ${performed.violation.law}`;
    case 'known':
      return `known ${performed.bug}`;
    case 'holds':
      return 'holds';
  }
}

/** What the model has to show: a trace on which a live kernel diverges is one that holds on the model. */
function describeExpected(expect: Expectation): string {
  return expect.kind === 'diverges' ? 'holds' : printExpectation(expect);
}
