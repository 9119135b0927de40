/** Which record, if any, has to refuse what a step did. */
import type { Happened } from '../../language/invariant.ts';
import type { CoreObject } from '../../model/bpf/core-relocation/world/core-object.ts';
import type { CoreWorld } from '../../model/bpf/core-relocation/world/core-world.ts';
import { assembled, type PlacedPiece, recordedPieces, relocatedFunctions } from './assembled.ts';
import { outcomeOf } from './outcome.ts';
import { sideOf } from './side.ts';
import { objectAfter } from './step.ts';

/** One decision of a step to go on or to refuse, with every record that had a say in it. */
export interface RefusalCase {
  readonly what: string;
  /** The reason given; undefined where the step went on. */
  readonly refused: string | undefined;
  /** Records that demand a refusal. */
  readonly reasons: readonly PlacedPiece[];
  /** Whether some record could refuse or not, depending on what came before it. */
  readonly open: boolean;
}

/** The CO-RE pass, the appending, the generator, and relocation inside each load. What verifiers say is no record's doing. */
export function* refusalCases(world: CoreWorld, happened: Happened): Generator<RefusalCase> {
  const after = objectAfter(happened, 'passed', 'linked', 'loaded', 'refused');
  if (after === undefined) return;
  const { object, state } = after;
  if (state.kind === 'passed' || (state.kind === 'refused' && state.during === 'core')) {
    const pieces = object.loading === 'direct' ? relocatedFunctions(object).flatMap(recordedPieces) : [];
    const refused = state.kind === 'refused' ? state.refusal.reason : undefined;
    yield { what: 'the CO-RE pass', refused, ...demands(world, object, pieces) };
  } else if (state.kind === 'refused') {
    const forbidden = state.during === 'loader' && object.caller === 'bpf';
    if (!forbidden) yield { what: `the step ${state.during}`, refused: state.refusal.reason, reasons: [], open: false };
  } else if (state.kind === 'linked') {
    yield { what: 'appending', refused: undefined, reasons: [], open: false };
  } else if (state.kind === 'loaded' && object.loading === 'light-skeleton') {
    for (const { main, attempt } of state.loads) {
      // Before relocation 6.18 looks at functions: one that ends in half an instruction gets no further.
      if (attempt.stage === 'functions') continue;
      const refused = attempt.stage === 'relocation' && 'reason' in attempt.result ? attempt.result.reason : undefined;
      yield { what: `the load of ${main}`, refused, ...demands(world, object, assembled(object, main).pieces) };
    }
  }
}

function demands(
  world: CoreWorld,
  object: CoreObject,
  pieces: readonly PlacedPiece[],
): Pick<RefusalCase, 'reasons' | 'open'> {
  const side = sideOf(world, object);
  const outcomes = pieces.map((placed) => ({ placed, kind: outcomeOf(placed.piece, object, side).kind }));
  return {
    reasons: outcomes.filter(({ kind }) => kind === 'refused' || kind === 'crashed').map(({ placed }) => placed),
    open: outcomes.some(({ kind }) => kind === 'depends'),
  };
}
