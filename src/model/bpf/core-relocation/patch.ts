/**
 * Writes a decision into an instruction (relo_core.c:bpf_core_patch_insn()): immediates of ALU operations and 64-bit loads,
 * offsets of loads and stores, whose size follows the field's where that is possible.
 */
import { s64, u64 } from '../../../base/word.ts';
import type { Resolution } from './compute.ts';
import { CALL, LD_IMM64, type ProgramImage } from './image.ts';
import type { RelocationPolicy } from './policy.ts';
import { type Failure, failure } from './refusal.ts';

/** The helper number of a call that cannot be loaded, put where a relocation found nothing (0xbad2310 in hexadecimal). */
export const POISON_CALL = 195896080;

const LARGEST_OFFSET = 32767n;

/** Patches one instruction in place; undefined when that worked, poisoning included. */
export function patchInstruction(
  image: ProgramImage,
  index: number,
  resolution: Resolution,
  policy: RelocationPolicy,
): Failure | undefined {
  if (resolution.poison) {
    if (policy.poisons === 'relocatable-instruction' && formOf(image, index) === 'unrecognized')
      return failure(`instruction ${index} cannot be relocated`);
    poison(image, index);
    return undefined;
  }
  switch (formOf(image, index)) {
    case 'arithmetic':
      return patchImmediate(image, index, resolution);
    case 'memory':
      return patchMemory(image, index, resolution);
    case 'load-immediate':
      return patchLoadImmediate(image, index, resolution, policy);
    case 'unrecognized':
      return failure(`instruction ${index} cannot be relocated`);
  }
}

type Form = 'arithmetic' | 'memory' | 'load-immediate' | 'unrecognized';

/** What part of an instruction a relocation may change, by its class (low three bits of the opcode). */
function formOf(image: ProgramImage, index: number): Form {
  const opcode = image.opcode(index);
  switch (opcode & 7) {
    case 4:
    case 7:
      return (opcode & 8) === 0 ? 'arithmetic' : 'unrecognized';
    case 1:
    case 2:
    case 3:
      return 'memory';
    case 0:
      return isPlainLoadImmediate(image, index) ? 'load-immediate' : 'unrecognized';
    default:
      return 'unrecognized';
  }
}

function isPlainLoadImmediate(image: ProgramImage, index: number): boolean {
  const second = index + 1;
  if (image.opcode(index) !== LD_IMM64 || image.source(index) !== 0 || image.offset(index) !== 0) return false;
  if (second >= image.length || image.opcode(second) !== 0) return false;
  return image.destination(second) === 0 && image.source(second) === 0 && image.offset(second) === 0;
}

function patchImmediate(image: ProgramImage, index: number, resolution: Resolution): Failure | undefined {
  const held = u64(BigInt(image.immediate(index)));
  if (resolution.validate && held !== resolution.oldValue) return unexpected(index, held, resolution);
  image.setImmediate(index, Number(BigInt.asIntN(32, resolution.newValue)));
  return undefined;
}

function patchMemory(image: ProgramImage, index: number, resolution: Resolution): Failure | undefined {
  const held = u64(BigInt(image.offset(index)));
  if (resolution.validate && held !== resolution.oldValue) return unexpected(index, held, resolution);
  if (resolution.newValue > LARGEST_OFFSET)
    return failure(`instruction ${index}: offset ${resolution.newValue} is above ${LARGEST_OFFSET}`, 'ERANGE');
  if (resolution.sizeCannotAdjust) {
    poison(image, index);
    return undefined;
  }
  image.setOffset(index, Number(resolution.newValue));
  return resolution.oldSize === resolution.newSize ? undefined : resize(image, index, resolution);
}

/** Changes the access size in the opcode: 1, 2, 4 or 8 bytes; mode and class stay. */
function resize(image: ProgramImage, index: number, { oldSize, newSize }: Resolution): Failure | undefined {
  const opcode = image.opcode(index);
  const size = [4, 2, 1, 8][(opcode >> 3) & 3];
  if (size !== oldSize) return failure(`instruction ${index} accesses ${size} bytes of a field of ${oldSize}`);
  const sizeBits = [4, 2, 1, 8].indexOf(newSize);
  if (sizeBits < 0) return failure(`instruction ${index}: no access has ${newSize} bytes`);
  image.setOpcode(index, (opcode & ~0x18) | (sizeBits << 3));
  return undefined;
}

function patchLoadImmediate(
  image: ProgramImage,
  index: number,
  resolution: Resolution,
  { lowWord }: RelocationPolicy,
): Failure | undefined {
  const low = BigInt(image.immediate(index));
  const high = BigInt(image.immediate(index + 1)) << 32n;
  const held = u64(high + (lowWord === 'unsigned' ? BigInt.asUintN(32, low) : low));
  if (resolution.validate && held !== resolution.oldValue) return unexpected(index, held, resolution);
  image.setImmediate(index, Number(BigInt.asIntN(32, resolution.newValue)));
  image.setImmediate(index + 1, Number(s64(resolution.newValue) >> 32n));
  return undefined;
}

/**
 * Replaces the instruction, and the second slot of a 64-bit load, by a call no verifier accepts: harmless in dead code.
 * A second slot past the end is left alone here; libbpf v1.8 wrote it (fault F24).
 */
function poison(image: ProgramImage, index: number): void {
  const wide = image.opcode(index) === LD_IMM64;
  image.setSlot(index, { opcode: CALL, immediate: POISON_CALL });
  if (wide) image.setSlot(index + 1, { opcode: CALL, immediate: POISON_CALL });
}

const unexpected = (index: number, held: bigint, { oldValue, newValue }: Resolution): Failure =>
  failure(`instruction ${index} holds ${held}, expected ${oldValue} -> ${newValue}`);
