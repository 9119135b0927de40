/** Questions and instructions as evidence says them. */
import { ProgramImage } from '../../model/bpf/core-relocation/image.ts';
import { POISON_CALL } from '../../model/bpf/core-relocation/patch.ts';
import type { RecordedPiece } from '../../model/bpf/core-relocation/program-source/translation-unit.ts';
import type { Outcome } from './outcome.ts';

export function sayPiece(piece: RecordedPiece): string {
  if (piece.kind === 'malformed') return `the malformed record (${piece.what})`;
  const { type, field, asks, form } = piece;
  const of = type.fields[field] === undefined ? '' : ` of ${type.fields[field].name}`;
  return `${asks}${of} in ${type.kind} ${type.name || '(anonymous)'} by ${form}`;
}

export function sayOutcome(outcome: Outcome): string {
  if (outcome.kind !== 'holds') return outcome.kind;
  return `${outcome.value}${outcome.bytes === undefined ? '' : ` by ${outcome.bytes} bytes`}`;
}

const CLASS_LOAD = 1;

/** What an instruction of a form holds now, in the words of an outcome. */
export function found(bytes: Uint8Array, index: number): Outcome {
  const image = new ProgramImage(bytes);
  const opcode = image.opcode(index);
  if (image.immediate(index) === POISON_CALL) return { kind: 'poisoned' };
  if ((opcode & 7) === CLASS_LOAD)
    return { kind: 'holds', value: BigInt(image.offset(index)), bytes: [4, 2, 1, 8][(opcode >> 3) & 3] };
  const low = BigInt.asUintN(32, BigInt(image.immediate(index)));
  if (opcode !== 0x18) return { kind: 'holds', value: BigInt.asIntN(32, low), bytes: undefined };
  return { kind: 'holds', value: (BigInt(image.immediate(index + 1)) << 32n) | low, bytes: undefined };
}
