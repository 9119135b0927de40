/**
 * IMUL, MUL, DIV and IDIV (SDM 2A and 2B). They work on whole words, where the rule is one line, because programs
 * multiply and divide rarely enough for the cost of wide arithmetic not to matter.
 */
import type { Core } from './core.ts';
import type { Decoded } from './decoded.ts';
import type { Outcome } from './exception.ts';
import { RAX, RDX } from './register-file.ts';

/**
 * Two- and three-operand IMUL; the register is the destination of both. CF and OF tell whether the product lost bits;
 * the other flags are undefined and kept.
 */
export function imul(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction);
  if (outcome !== undefined) return outcome;
  const isLossy = instruction.width === 64 ? multiplyWords(core, instruction) : multiplyHalves(core, instruction);
  core.flags.carry = isLossy ? 1 : 0;
  core.flags.overflow = core.flags.carry;
  return undefined;
}

function multiplyWords({ registers: { words } }: Core, { left, right, immediate, register }: Decoded): boolean {
  const product = words[left >> 1]! * (immediate === undefined ? words[right >> 1]! : BigInt(immediate[0]!));
  words[register] = product;
  return words[register] !== product;
}

/** A product that a number cannot hold exactly does not fit a half either. */
function multiplyHalves({ halves }: Core, { left, right, immediate, register }: Decoded): boolean {
  const [one, other] = [halves[left]!, (immediate ?? halves)[right]!];
  const kept = Math.imul(one, other);
  halves[2 * register] = kept;
  halves[2 * register + 1] = 0;
  return kept !== one * other;
}

/** Unsigned rdx:rax = rax * rm. CF and OF tell whether rdx is needed. */
export function mul(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction);
  if (outcome !== undefined) return outcome;
  const { width } = instruction;
  const product = unsignedWord(core, RAX, width) * unsignedWord(core, instruction.left >> 1, width);
  const upper = product >> BigInt(width);
  core.flags.carry = upper === 0n ? 0 : 1;
  core.flags.overflow = core.flags.carry;
  writeWord(core, RAX, width, product);
  writeWord(core, RDX, width, upper);
  return undefined;
}

/** Unsigned rax, rdx = rdx:rax / rm. A quotient that does not fit is a divide error, as is a zero divisor. */
export function div(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction);
  if (outcome !== undefined) return outcome;
  const { width } = instruction;
  const divisor = unsignedWord(core, instruction.left >> 1, width);
  if (divisor === 0n) return 'divide-error';
  const dividend = dividendOf(core, width);
  const quotient = dividend / divisor;
  if (quotient >> BigInt(width) !== 0n) return 'divide-error';
  writeWord(core, RAX, width, quotient);
  writeWord(core, RDX, width, dividend % divisor);
  return undefined;
}

/** Signed division, rounding toward zero; the remainder has the sign of the dividend. All flags are undefined and kept. */
export function idiv(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction);
  if (outcome !== undefined) return outcome;
  const { width } = instruction;
  const divisor = BigInt.asIntN(width, core.registers.words[instruction.left >> 1]!);
  if (divisor === 0n) return 'divide-error';
  const dividend = BigInt.asIntN(2 * width, dividendOf(core, width));
  const quotient = dividend / divisor;
  if (quotient !== BigInt.asIntN(width, quotient)) return 'divide-error';
  writeWord(core, RAX, width, quotient);
  writeWord(core, RDX, width, dividend % divisor);
  return undefined;
}

/** rdx:rax, unsigned. */
function dividendOf(core: Core, width: number): bigint {
  return (unsignedWord(core, RDX, width) << BigInt(width)) | unsignedWord(core, RAX, width);
}

function unsignedWord(core: Core, slot: number, width: number): bigint {
  return BigInt.asUintN(width, core.registers.words[slot]!);
}

function writeWord({ registers: { words } }: Core, register: number, width: number, value: bigint): void {
  words[register] = width === 64 ? value : BigInt.asUintN(32, value);
}
