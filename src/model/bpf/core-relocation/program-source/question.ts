/**
 * What a relocatable instruction asks, and what a compiler puts there: the answer in the program's own types. Kinds go by
 * the names the log uses (btf/core-record.ts).
 */
import { RELOCATION_KINDS } from '../../btf/core-record.ts';
import { ENUMERATOR_VALUES, FIELD_SIZES, type Field, layOut, type TypeShape } from './type-shape.ts';

/** A kind of record, by its name. */
export type QuestionKind = (typeof RELOCATION_KINDS)[number];

/** What a question is about. */
export const isAboutField = (kind: QuestionKind): boolean => RELOCATION_KINDS.indexOf(kind) < 6;
export const isAboutEnumerator = (kind: QuestionKind): boolean => kind === 'enumval_exists' || kind === 'enumval_value';

/** The answer that one type gives, as a signed number; `field` is missing where the question is about the whole type. */
export function answerIn(kind: QuestionKind, shape: TypeShape, typeId: number, field: Field | undefined): bigint {
  if (kind === 'type_size') return BigInt(layOut(shape).sizeBytes);
  if (kind === 'local_type_id' || kind === 'target_type_id') return BigInt(typeId);
  if (field === undefined || kind === 'field_exists' || kind === 'enumval_exists') return 1n;
  if (kind === 'enumval_value') {
    const value = ENUMERATOR_VALUES[field.type];
    return shape.kind === 'enum' ? BigInt.asIntN(32, value) : value;
  }
  const offsetBytes = layOut(shape).fields.find(({ name }) => name === field.name)?.offsetBytes ?? 0;
  const isBits = field.type === 'bits3';
  // A bitfield is read as the u32 it lies in, shifted up and down again; other fields by their own size.
  const { sizeBytes } = FIELD_SIZES[field.type];
  const bits = isBits ? 3 : 8 * sizeBytes;
  switch (kind) {
    case 'byte_off':
      return BigInt(offsetBytes);
    case 'byte_sz':
      return BigInt(sizeBytes);
    case 'signed':
      return field.type === 's32' ? 1n : 0n;
    case 'lshift_u64':
    case 'rshift_u64':
      // Fields of more than 8 bytes wrap as an unsigned 32-bit number does.
      return BigInt((64 - bits) >>> 0);
    default:
      return 1n;
  }
}
