import { Random } from '../base/seed.ts';
import { InputError } from '../language/input-error.ts';
import { printTrace } from '../language/trace-text/print.ts';
import type { LastNote } from '../targets/live/black-box.ts';
import { encode, type LiveInstruction } from '../targets/live/bpf-instruction.ts';
import { drawProgram } from '../targets/live/drawn-program.ts';
import { asOnKernel } from '../targets/live/lock-step.ts';
import { restrictionsOf } from '../targets/live/lock-step-bench.ts';
import { redrawn } from '../targets/live/lock-step-campaign.ts';
import type { Desk } from './desk.ts';
import { arenaSuite, type TriedByDriver } from './lock-step.ts';
import type { TriedPrograms } from './run-live-jit.ts';

/** What a guest was doing when its kernel died, as a file to keep. */
export interface LastWords {
  readonly sentence: string;
  readonly name: string;
  readonly extension: '.trace' | '.hex';
  readonly text: string;
}

/** Draws again, here and on the model alone, what the black box says was under way in a guest. */
export function lastWordsOf(desk: Desk, { attempt, run, performed }: LastNote): LastWords {
  const tried = attempt as TriedByDriver | TriedPrograms;
  if (tried.kind === 'programs') {
    const program = drawProgram(new Random(`${tried.seed}/jit/${run}`), tried.parts);
    return {
      sentence: `it was at program ${run} of seed ${tried.seed}`,
      name: 'jit-live-panic',
      extension: '.hex',
      text: `${hexOf(program)}\n`,
    };
  }
  const { request, release, machine, circumstances } = tried;
  if (request.kind === 'replay') {
    const trace = request.traces[run];
    if (trace === undefined) throw new InputError(`the guest was at a trace ${run} that nobody gave it`);
    return {
      sentence: `it was at step ${performed} of trace ${run + 1}`,
      name: 'arena-live-panic',
      extension: '.trace',
      text: trace.text,
    };
  }
  const { kernel, seed, suite, allowedHazards } = request;
  const restricted = restrictionsOf({ release, allowedHazards, drawn: true }, circumstances);
  const model = asOnKernel(arenaSuite(desk.registry.suite(suite)), restricted);
  const steps = redrawn(model, { ...request, run, performed }, machine);
  const comment = ` the kernel ${release} of a guest died at its last step, run ${run}`;
  const text = printTrace({
    header: { kernel, machine, suite, seed, expect: { kind: 'diverges' } },
    steps,
    comments: [{ step: -1, place: 'above', text: comment }],
  });
  const sentence = `it was at step ${performed} of run ${run}, seed ${seed}`;
  return { sentence, name: 'arena-live-panic', extension: '.trace', text };
}

function hexOf(program: readonly LiveInstruction[]): string {
  const bytes = Buffer.alloc(8 * program.length);
  encode(program, new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
  return bytes.toString('hex');
}
