/**
 * The right answer to a question about a type, worked out from the declarations alone: what a kernel with these types has
 * to say to a program with those. It shares no code with relocation, which it judges.
 */
import {
  answerIn,
  isAboutEnumerator,
  isAboutField,
  type QuestionKind,
} from '../../model/bpf/core-relocation/program-source/question.ts';
import {
  FIELD_SIZES,
  type Field,
  type FieldType,
  layOut,
  type TypeShape,
} from '../../model/bpf/core-relocation/program-source/type-shape.ts';
import { candidatesOf, type Side } from './side.ts';

export type Answer =
  | { readonly kind: 'value'; readonly value: bigint; readonly field: Field | undefined }
  /** Nothing answers, and zero would mislead. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refused' }
  /** The question that a kernel does not survive (hazard H1). */
  | { readonly kind: 'crashed' };

export interface Question {
  readonly asks: QuestionKind;
  readonly type: TypeShape;
  readonly field: number;
}

const REFUSED: Answer = { kind: 'refused' };
const ZERO_IF_MISSING: readonly QuestionKind[] = [
  'field_exists',
  'target_type_id',
  'type_exists',
  'type_size',
  'enumval_exists',
  'type_matches',
];

/** `typeId` is the local type's own. */
export function answerTo({ asks, type, field: place }: Question, typeId: number, side: Side): Answer {
  if (asks === 'local_type_id') return { kind: 'value', value: BigInt(typeId), field: undefined };
  const field = type.fields[place];
  if (type.name === '' || !makesSense(asks, type, field)) return REFUSED;
  const wanted = isAboutField(asks) || isAboutEnumerator(asks) ? field : undefined;
  const found: { readonly value: bigint; readonly offset: number; readonly field: Field | undefined }[] = [];
  for (const candidate of candidatesOf(type, side)) {
    const fit = fits(asks, type, wanted, candidate, side);
    if (fit === 'crashed' || fit === 'refused') return { kind: fit };
    if (fit === 'no') continue;
    const match = wanted && candidate.fields.find(({ name }) => name === wanted.name);
    const offset = isAboutField(asks) ? offsetOf(candidate, match) : 0;
    found.push({ value: answerIn(asks, candidate, side.idOf(candidate), match), offset, field: match });
  }
  const [first] = found;
  if (found.some(({ value, offset }) => value !== first!.value || offset !== first!.offset)) return REFUSED;
  if (first !== undefined) return { kind: 'value', ...first };
  return ZERO_IF_MISSING.includes(asks) ? { kind: 'value', value: 0n, field: undefined } : { kind: 'nothing' };
}

const offsetOf = (shape: TypeShape, field: Field | undefined): number =>
  layOut(shape).fields.find(({ name }) => name === field?.name)?.offsetBytes ?? 0;

/** Whether the question can be asked of the local type at all. */
function makesSense(asks: QuestionKind, type: TypeShape, field: Field | undefined): boolean {
  const isEnum = type.kind === 'enum' || type.kind === 'enum64';
  if (isAboutField(asks)) return field !== undefined && !isEnum && type.kind !== 'float';
  return !isAboutEnumerator(asks) || (field !== undefined && isEnum);
}

function fits(
  asks: QuestionKind,
  local: TypeShape,
  wanted: Field | undefined,
  candidate: TypeShape,
  side: Side,
): 'yes' | 'no' | 'refused' | 'crashed' {
  if (wanted !== undefined) {
    const match = candidate.fields.find(({ name }) => name === wanted.name);
    const compatible =
      match !== undefined && (isAboutEnumerator(asks) || familyOf(match.type) === familyOf(wanted.type));
    return compatible ? 'yes' : 'no';
  }
  if (local.kind === 'float') return side.policy.unexpectedKind === 'oops' ? 'crashed' : 'no';
  return asks === 'type_matches' ? isPartOf(local, candidate, side) : 'yes';
}

/** Fields fit by family: integers among each other, bitfields included, whatever their size and sign. */
function familyOf(type: FieldType): 'integer' | 'ptr' | 'array' | 'struct' {
  if (type === 'ptr') return 'ptr';
  if (type === 'inner') return 'struct';
  return type === 'array4' || type === 'array8' ? 'array' : 'integer';
}

/** TYPE_MATCHES: every local member is there, of equal size and sign. A struct in a struct is one level more than 6.18 goes. */
function isPartOf(local: TypeShape, candidate: TypeShape, { policy }: Side): 'yes' | 'no' | 'refused' {
  if (local.fields.length > candidate.fields.length) return 'no';
  const isEnum = local.kind === 'enum' || local.kind === 'enum64';
  if (isEnum && layOut(local).sizeBytes !== layOut(candidate).sizeBytes) return 'no';
  for (const { name, type } of local.fields) {
    const match = candidate.fields.find((field) => field.name === name);
    if (match === undefined) return 'no';
    if (isEnum) continue;
    if (type === 'inner' && match.type === 'inner' && policy.matchDepth <= 2) return 'refused';
    if (plainTypeOf(type) !== plainTypeOf(match.type)) return 'no';
  }
  return 'yes';
}

/** Widths of bitfields belong to members, not to types. */
const plainTypeOf = (type: FieldType): FieldType => (type === 'bits3' ? 'u32' : type);

/** Bytes a load of the field reaches for; 0 for a bitfield, whose load the program sizes itself. Of an array, one element. */
export function loadBytes(field: Field): number {
  if (field.type === 'bits3') return 0;
  return field.type === 'array4' || field.type === 'array8' ? 4 : FIELD_SIZES[field.type].sizeBytes;
}

/** Whether a load of `before` can become one of `after`: pointers, and integers that widening by zeros does no harm. */
export function loadAdapts(before: Field, after: Field): boolean {
  if (loadBytes(before) === loadBytes(after)) return true;
  const widens = ({ type }: Field): boolean => type !== 's32' && type !== 'bits3' && familyOf(type) !== 'struct';
  const isPointer = before.type === 'ptr';
  return isPointer === (after.type === 'ptr') && widens(before) && widens(after);
}
