import type { Random } from '../../base/seed.ts';
import { exit, type LiveInstruction, load, loadWide, raw, set, store } from './bpf-instruction.ts';

/**
 * Draws programs of type SYSCALL that the verifier accepts: arithmetic of both widths on known and unknown numbers, memory and
 * atomics on the stack, loads and stores of the context, jumps forward.
 *
 * What a jump compares is loaded from the context just before and used for nothing else. The verifier then narrows what it
 * knows nothing about; narrowing what it knows something about has made kernels warn ("REG INVARIANTS VIOLATION").
 */
export function drawProgram(random: Random, longest: number): readonly LiveInstruction[] {
  const body = Array.from({ length: random.between(1, longest) }, () => random.pick(PARTS)(random));
  return [
    raw(MOV_X, { destination: CONTEXT, source: 1 }),
    ...NUMBERS.flatMap((register) => loadWide(register, random.word())),
    ...SLOTS.map((offset) => store(10, offset, random.pick(NUMBERS))),
    ...body.flatMap((part, index) => (random.chance(0.15) ? [...skipping(random, body[index]!), ...part] : part)),
    exit(),
  ];
}

/** The context has so many bytes; a program may touch all of them. */
export const CONTEXT_BYTES = 256;

/** A part of a program that others can jump over. */
type Part = (random: Random) => readonly LiveInstruction[];

const CONTEXT = 6;
/** Hold what a jump compares. */
const [COMPARED, OTHER] = [8, 9];
const NUMBERS = [0, 1, 2, 3, 4, 5, 7];
/** Offsets from the frame pointer that are written before anything else. */
const SLOTS = [-8, -16, -24, -64];

const MOV_X = 0xbf;
const ALU64 = 0x07;
const ALU32 = 0x04;
const FROM_REGISTER = 0x08;
/** add sub mul div or and mod xor mov, and the three shifts (RFC 9669, section 4.1). */
const OPERATIONS = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x90, 0xa0, 0xb0];
const SHIFTS = [0x60, 0x70, 0xc0];
const DIVISIONS = [0x30, 0x90];
const NEGATION = 0x80;
const BYTE_SWAP = 0xd0;

const immediate = (random: Random): number =>
  random.pick([
    () => random.between(-128, 127),
    () => random.between(-(2 ** 31), 2 ** 31 - 1),
    () => random.pick([0, 1, -1]),
  ])();

const arithmetic: Part = (random) => {
  const width = random.pick([ALU32, ALU64]);
  const destination = random.pick(NUMBERS);
  const operation = random.pick(OPERATIONS);
  if (random.chance(0.5))
    return [
      raw(width | FROM_REGISTER | operation, {
        destination,
        source: random.pick(NUMBERS),
        offset: signedDivision(random, operation),
      }),
    ];
  const value = immediate(random);
  // The verifier refuses to divide by a constant 0.
  const divisor = DIVISIONS.includes(operation) && value === 0 ? 3 : value;
  return [raw(width | operation, { destination, immediate: divisor, offset: signedDivision(random, operation) })];
};

const signedDivision = (random: Random, operation: number): number =>
  DIVISIONS.includes(operation) && random.chance(0.3) ? 1 : 0;

const shift: Part = (random) => {
  const width = random.pick([ALU32, ALU64]);
  const destination = random.pick(NUMBERS);
  const operation = width | random.pick(SHIFTS);
  if (random.chance(0.4)) return [raw(operation | FROM_REGISTER, { destination, source: random.pick(NUMBERS) })];
  return [raw(operation, { destination, immediate: random.below(width === ALU64 ? 64 : 32) })];
};

const unary: Part = (random) => {
  const destination = random.pick(NUMBERS);
  return random.pick<() => readonly LiveInstruction[]>([
    () => [raw(random.pick([ALU32, ALU64]) | NEGATION, { destination })],
    () => [
      raw(random.pick([ALU32, ALU32 | FROM_REGISTER, ALU64]) | BYTE_SWAP, {
        destination,
        immediate: random.pick([16, 32, 64]),
      }),
    ],
    () => [
      raw(ALU64 | FROM_REGISTER | 0xb0, {
        destination,
        source: random.pick(NUMBERS),
        offset: random.pick([8, 16, 32]),
      }),
    ],
    () => [
      raw(ALU32 | FROM_REGISTER | 0xb0, { destination, source: random.pick(NUMBERS), offset: random.pick([8, 16]) }),
    ],
    () => loadWide(destination, random.word()),
    () => [set(destination, immediate(random))],
  ])();
};

/** Widths of an access as the opcode has them, by bytes. */
const WIDTHS = [
  [0x10, 1],
  [0x08, 2],
  [0x00, 4],
  [0x18, 8],
] as const;

const stackAccess: Part = (random) => {
  const [width, bytes] = random.pick(WIDTHS);
  const offset = random.pick(SLOTS) + bytes * random.below(8 / bytes);
  const [destination, source] = [random.pick(NUMBERS), random.pick(NUMBERS)];
  return random.pick<() => readonly LiveInstruction[]>([
    () => [raw(0x61 | width, { destination, source: 10, offset })],
    () => [raw(0x63 | width, { destination: 10, source, offset })],
    () => [raw(0x62 | width, { destination: 10, offset, immediate: immediate(random) })],
  ])();
};

const contextAccess: Part = (random) => {
  const [width, bytes] = random.pick(WIDTHS);
  const offset = bytes * random.below(CONTEXT_BYTES / bytes);
  const number = random.pick(NUMBERS);
  const isLoad = random.chance(0.6);
  if (isLoad) return [raw(0x61 | width, { destination: number, source: CONTEXT, offset })];
  return [raw(0x63 | width, { destination: CONTEXT, source: number, offset })];
};

/** add or and xor with and without fetch, exchange, compare and exchange. */
const ATOMICS = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1];

const atomic: Part = (random) => {
  const [width, bytes] = random.pick(WIDTHS.slice(2));
  const offset = random.pick(SLOTS) + bytes * random.below(8 / bytes);
  const source = random.pick(NUMBERS);
  return [raw(0xc3 | width, { destination: 10, source, offset, immediate: random.pick(ATOMICS) })];
};

const PARTS: readonly Part[] = [arithmetic, arithmetic, arithmetic, shift, unary, stackAccess, contextAccess, atomic];

/** eq gt ge set ne sgt sge lt le slt sle (RFC 9669, section 4.3). */
const CONDITIONS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];

/** Compares two words of the context, or one with a number, and jumps over `part`. */
function skipping(random: Random, part: readonly LiveInstruction[]): readonly LiveInstruction[] {
  const condition = random.pick(CONDITIONS) | random.pick([0x05, 0x06]);
  const word = () => 8 * random.below(CONTEXT_BYTES / 8);
  const compared = load(COMPARED!, CONTEXT, word());
  if (random.chance(0.5)) {
    return [compared, raw(condition, { destination: COMPARED!, immediate: immediate(random), offset: part.length })];
  }
  const jump = raw(condition | FROM_REGISTER, { destination: COMPARED!, source: OTHER!, offset: part.length });
  return [compared, load(OTHER!, CONTEXT, word()), jump];
}
