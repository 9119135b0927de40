/** What has to become of an instruction with a record: the right answer, written the way the instruction holds it. */
import { answerIn, isAboutEnumerator, isAboutField } from '../../model/bpf/core-relocation/program-source/question.ts';
import type { Piece, RecordedPiece } from '../../model/bpf/core-relocation/program-source/translation-unit.ts';
import type { CoreObject } from '../../model/bpf/core-relocation/world/core-object.ts';
import { type Answer, answerTo, loadAdapts, loadBytes } from './answer.ts';
import { candidatesOf, type Side } from './side.ts';

export type Outcome =
  /** The value the instruction holds; `bytes` of a load whose size is decided. */
  | { readonly kind: 'holds'; readonly value: bigint; readonly bytes: number | undefined }
  | { readonly kind: 'poisoned' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'crashed' }
  /** The record is of no instruction, so nobody looks at it. */
  | { readonly kind: 'passed-over' }
  /** Depends on what was asked before of the same list of candidates (libbpf's pruning, divergences V1 and V2). */
  | { readonly kind: 'depends' };

const REFUSED: Outcome = { kind: 'refused' };

export function outcomeOf(piece: RecordedPiece, object: CoreObject, side: Side): Outcome {
  if (piece.kind === 'malformed') return malformedOutcome(piece.what, side);
  const { type, field: place, asks, form, stale } = piece;
  if (side.who === 'libbpf' && sharesAmbiguity(piece, object, side)) return { kind: 'depends' };
  const typeId = object.typeIds[object.unit.types.indexOf(type)]!;
  const answer = answerTo(piece, typeId, side);
  if (answer.kind === 'refused' || answer.kind === 'crashed') return { kind: answer.kind };
  const recognised = form === 'mov' || form === 'ld_imm64' || form === 'load';
  if (answer.kind === 'nothing')
    return recognised || side.policy.poisons === 'any-instruction' ? { kind: 'poisoned' } : REFUSED;
  if (!recognised) return REFUSED;
  const field = isAboutField(asks) || isAboutEnumerator(asks) ? type.fields[place] : undefined;
  const before = answerIn(asks, type, typeId, field);
  const width = form === 'mov' ? 32 : form === 'load' ? 16 : 64;
  const validated = asks !== 'local_type_id' && asks !== 'target_type_id' && !isUncheckedBitfield(piece);
  if (validated && (stale || BigInt.asIntN(width, before) !== before)) return REFUSED;
  return form === 'load'
    ? loadOutcome(piece, answer)
    : { kind: 'holds', value: BigInt.asIntN(width, answer.value), bytes: undefined };
}

type Question = Extract<Piece, { kind: 'question' }>;

function loadOutcome({ asks, type, field: place }: Question, answer: Extract<Answer, { kind: 'value' }>): Outcome {
  const before = type.fields[place];
  // Values count as unsigned, so a negative one is beyond every offset too.
  if (answer.value < 0n || answer.value > 32767n) return REFUSED;
  const sized = asks === 'byte_off' && before !== undefined && answer.field !== undefined;
  if (sized && !loadAdapts(before, answer.field)) return { kind: 'poisoned' };
  const bytes = sized && loadBytes(answer.field) > 0 ? loadBytes(answer.field) : undefined;
  return { kind: 'holds', value: answer.value, bytes };
}

/** Where a bitfield lies is not compared, for its compiler may have read it in other pieces. */
const isUncheckedBitfield = ({ asks, type, field }: Question): boolean =>
  type.fields[field]?.type === 'bits3' && ['byte_off', 'byte_sz', 'lshift_u64'].includes(asks);

/** libbpf keeps one list of candidates for each local type and drops what did not match once. */
function sharesAmbiguity({ type }: Question, { unit }: CoreObject, side: Side): boolean {
  if (candidatesOf(type, side).length < 2) return false;
  const questions = unit.functions.flatMap(({ pieces }) => pieces);
  return questions.filter((piece) => piece.kind === 'question' && piece.type === type).length > 1;
}

function malformedOutcome(what: Extract<Piece, { kind: 'malformed' }>['what'], side: Side): Outcome {
  if (what === 'past-the-end') return { kind: 'passed-over' };
  // "+0" asks for the offset of an element of an array of u32, which every kernel has: 0 (V7).
  if (what === 'signed-index' && side.policy.numbers === 'glibc') return { kind: 'holds', value: 0n, bytes: undefined };
  return REFUSED;
}
