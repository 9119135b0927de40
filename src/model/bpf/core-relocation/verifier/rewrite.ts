/**
 * What the verifier leaves of an accepted program (verifier.c: opt_hard_wire_dead_code_branches(), opt_remove_dead_code(),
 * opt_remove_nops(), and how bpf_prog_get_info_by_fd() shows pseudo calls of a compiled program): code no path reached
 * is cut out, jumps over nothing vanish.
 */
import { LD_IMM64, ProgramImage } from '../image.ts';
import { CLASS, classOf, isConditionalJump } from './opcode.ts';
import { functionStarts, jumpTarget } from './shape.ts';

const JUMP_ALWAYS = 0x05;

/** The image as user space reads it back. `seen` marks the slots that some path reached. */
export function rewritten(image: ProgramImage, seen: Uint8Array): Uint8Array {
  const wired = ProgramImage.copyOf(image.bytes);
  hardWire(wired, seen);
  const kept = seen.slice();
  const shortened = withoutSlots(wired, kept);
  const slots = Uint8Array.from({ length: shortened.length }, (_, index) => (isNop(shortened, index) ? 0 : 1));
  const result = withoutSlots(shortened, slots);
  showCalls(result);
  return result.bytes;
}

/** A branch of which one side is never taken becomes an unconditional jump to the other. */
function hardWire(image: ProgramImage, seen: Uint8Array): void {
  for (let index = 0; index < image.length; index++) {
    if (image.opcode(index) === LD_IMM64) index += 1;
    else if (seen[index] === 1 && isConditionalJump(image.opcode(index))) {
      const target = jumpTarget(image, index)!;
      if (seen[index + 1] === 0) jumpBy(image, index, image.offset(index));
      else if (seen[target] === 0) jumpBy(image, index, 0);
    }
  }
}

function jumpBy(image: ProgramImage, index: number, offset: number): void {
  image.setSlot(index, { opcode: JUMP_ALWAYS, immediate: 0 });
  image.setOffset(index, offset);
}

const isNop = (image: ProgramImage, index: number): boolean =>
  !isSecondHalf(image, index) &&
  image.opcode(index) === JUMP_ALWAYS &&
  image.offset(index) === 0 &&
  image.immediate(index) === 0 &&
  image.destination(index) === 0 &&
  image.source(index) === 0;

const isSecondHalf = (image: ProgramImage, index: number): boolean =>
  index > 0 && image.opcode(index) === 0 && image.opcode(index - 1) === LD_IMM64;

/** Cuts out the slots marked 0; jumps and calls are adjusted, one into a gap goes to what follows it. */
function withoutSlots(image: ProgramImage, kept: Uint8Array): ProgramImage {
  const places: number[] = [];
  let count = 0;
  for (let index = 0; index <= image.length; index++) {
    places.push(count);
    count += kept[index] ?? 0;
  }
  const result = new ProgramImage(new Uint8Array(8 * places[image.length]!));
  for (let index = 0; index < image.length; index++) {
    if (kept[index] !== 1) continue;
    const place = places[index]!;
    result.bytes.set(image.bytes.subarray(8 * index, 8 * index + 8), 8 * place);
    const calls = image.isPseudoCall(index) || image.isPseudoFunction(index);
    const target = calls
      ? index + 1 + image.immediate(index)
      : isSecondHalf(image, index)
        ? undefined
        : jumpTarget(image, index);
    if (target === undefined) continue;
    const distance = places[target]! - place - 1;
    const inImmediate =
      calls || (classOf(image.opcode(index)) === CLASS.jmp32 && !isConditionalJump(image.opcode(index)));
    if (inImmediate) result.setImmediate(place, distance);
    else result.setOffset(place, distance);
  }
  return result;
}

/** A call of function n shows n in its immediate and its distance in the offset. */
function showCalls(image: ProgramImage): void {
  const starts = functionStarts(image);
  if (!Array.isArray(starts)) return;
  for (let index = 0; index < image.length; index++) {
    if (!image.isPseudoCall(index)) continue;
    const distance = image.immediate(index);
    image.setOffset(index, distance);
    image.setImmediate(index, starts.indexOf(index + 1 + distance));
  }
}
