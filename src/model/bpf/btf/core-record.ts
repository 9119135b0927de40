/**
 * A CO-RE relocation record (struct bpf_core_relo, 16 bytes, in .BTF.ext, in BPF_PROG_LOAD and in a light skeleton) and
 * its kinds (enum bpf_core_relo_kind in include/uapi/linux/bpf.h).
 */

/** Kinds in the order of their numbers, 0 to 12, under the names the log uses. */
export const RELOCATION_KINDS = [
  'byte_off',
  'byte_sz',
  'field_exists',
  'signed',
  'lshift_u64',
  'rshift_u64',
  'local_type_id',
  'target_type_id',
  'type_exists',
  'type_size',
  'enumval_exists',
  'enumval_value',
  'type_matches',
] as const;

/** What a kind is about: a field, a type as a whole, or an enumerator; undefined for a number that is no kind. */
export function subjectOf(kind: number): 'field' | 'type' | 'enumerator' | undefined {
  if (!(Number.isInteger(kind) && kind >= 0 && kind < RELOCATION_KINDS.length)) return undefined;
  if (kind <= 5) return 'field';
  return kind === 10 || kind === 11 ? 'enumerator' : 'type';
}

export interface CoreRecord {
  /** Bytes from the start of the section (in an object) or of the image (in a load). */
  readonly instructionOffset: number;
  /** Local type: an id in the program's own BTF. */
  readonly typeId: number;
  /** Where the access string starts in the string section of the program's BTF. */
  readonly accessOffset: number;
  /** 0 to 12; other numbers can be sent and are refused. */
  readonly kind: number;
}

export const RECORD_BYTES = 16;

/** Reads the record at a byte offset. */
export function readRecord(bytes: Uint8Array, at: number): CoreRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    instructionOffset: view.getUint32(at, true),
    typeId: view.getUint32(at + 4, true),
    accessOffset: view.getUint32(at + 8, true),
    kind: view.getUint32(at + 12, true),
  };
}

/** Writes a record as readRecord() reads it. */
export function writeRecord(bytes: Uint8Array, at: number, record: CoreRecord): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(at, record.instructionOffset, true);
  view.setUint32(at + 4, record.typeId, true);
  view.setUint32(at + 8, record.accessOffset, true);
  view.setUint32(at + 12, record.kind, true);
}
