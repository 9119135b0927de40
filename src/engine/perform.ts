import type { Happened } from '../language/invariant.ts';
import type { JournaledWorld, MachineSettings, Suite } from '../language/suite.ts';
import type { Step, Trace } from '../language/trace.ts';
import { type Outcome, Session, type SessionOptions } from './session.ts';
import type { Performed } from './verdict.ts';

export interface PerformOptions {
  /** Instead of what the trace's header says. */
  readonly kernel?: string;
  readonly machine?: MachineSettings;
  readonly fault?: string | undefined;
  /** Called after each step; what it is given is valid during the call. */
  readonly watch?: (seen: Seen) => void;
}

/** A performed step as `explain` tells it. */
export interface Seen {
  readonly index: number;
  readonly step: Step;
  readonly outcome: Outcome;
  /** Undefined for a step that was not ready. */
  readonly happened: Happened | undefined;
  /** The world after the step. */
  readonly world: JournaledWorld;
}

/**
 * Performs a saved trace with all laws judged, up to its end or to the first violation. A step that makes no sense (any more)
 * is left out; `skipped` lists the indices of these.
 *
 * Throws an InputError for a kernel, fault, machine setting or operation that the suite does not have, a ModelBug for our
 * own mistakes.
 */
export function performTrace<World extends JournaledWorld>(
  suite: Suite<World>,
  trace: Trace,
  options: PerformOptions = {},
): Performed & { readonly skipped: readonly number[] } {
  return performOn(new Session(suite, sessionOptions(suite, trace, options)), trace, options);
}

/** The same on a session of the trace's suite, kernel, machine and fault, which saves booting for those who perform many. */
export function performOn<World extends JournaledWorld>(
  session: Session<World>,
  trace: Trace,
  options: Pick<PerformOptions, 'watch'> = {},
): Performed & { readonly skipped: readonly number[] } {
  session.reset();
  const skipped: number[] = [];
  if (session.violation !== undefined) return { kind: 'violates', violation: session.violation, skipped };
  for (const [index, step] of trace.steps.entries()) {
    const outcome = session.perform(step);
    const happened = outcome === 'not-ready' ? undefined : session.happened;
    options.watch?.({ index, step, outcome, happened, world: session.world });
    if (outcome === 'not-ready') skipped.push(index);
    if (outcome === 'violates') return { kind: 'violates', violation: { ...session.violation!, step: index }, skipped };
    if (outcome === 'known') {
      return { kind: 'known', bug: session.knownBug!, violation: { ...session.violation!, step: index }, skipped };
    }
  }
  return { kind: 'holds', skipped };
}

/** The kernel, machine and fault of a trace: its header's, the suite's first kernel where it names none. */
export function sessionOptions<World extends JournaledWorld>(
  suite: Suite<World>,
  { header }: Trace,
  options: PerformOptions,
): SessionOptions {
  return {
    kernel: options.kernel ?? header.kernel ?? suite.kernels[0]!,
    machine: options.machine ?? header.machine ?? {},
    fault: 'fault' in options ? options.fault : header.fault,
  };
}
