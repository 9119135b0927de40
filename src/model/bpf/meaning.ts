/**
 * What arithmetic means: RFC 9669 sections 4.1 and 4.2, one entry each. An entry takes the registers, a destination and a
 * source word (see {@link BpfRegisters}), and gives the step that performs the instruction. Results wrap as the arrays
 * they are written to do. Division by zero gives zero and modulo by zero leaves the destination; the most negative number
 * divided by -1 stays what it is, with remainder 0. Shift counts are taken modulo the width.
 *
 * No bigint is chosen by a conditional expression here or in what the other steps do: Node 20's compiler aborts the whole
 * process on some of those ("RepresentationChangerError ... UnsignedBigInt64"), so branches store each value themselves.
 */
import { Operation } from './instruction.ts';
import type { BpfRegisters } from './registers.ts';

/** One instruction, performed. It gives the index to go on at, or undefined to go on with the next instruction. */
export type Step = () => number | undefined;

type Meaning = (registers: BpfRegisters, d: number, s: number) => Step;
export type Meanings = { readonly [operation: number]: Meaning };

/** ALU64 with offset 0. Here w are the words, and i the same words, signed. */
export const WIDE: Meanings = {
  [Operation.ADD]:
    ({ words: w }, d, s) =>
    () => {
      w[d] = w[d]! + w[s]!;
    },
  [Operation.SUB]:
    ({ words: w }, d, s) =>
    () => {
      w[d] = w[d]! - w[s]!;
    },
  [Operation.MUL]:
    ({ words: w }, d, s) =>
    () => {
      w[d] = w[d]! * w[s]!;
    },
  [Operation.DIV]:
    ({ words: w }, d, s) =>
    () => {
      if (w[s] === 0n) w[d] = 0n;
      else w[d] = w[d]! / w[s]!;
    },
  [Operation.MOD]:
    ({ words: w }, d, s) =>
    () => {
      if (w[s] !== 0n) w[d] = w[d]! % w[s]!;
    },
  [Operation.OR]:
    ({ words: w }, d, s) =>
    () => {
      w[d] = w[d]! | w[s]!;
    },
  [Operation.AND]:
    ({ words: w }, d, s) =>
    () => {
      w[d] = w[d]! & w[s]!;
    },
  [Operation.XOR]:
    ({ words: w }, d, s) =>
    () => {
      w[d] = w[d]! ^ w[s]!;
    },
  [Operation.MOV]:
    ({ words: w }, d, s) =>
    () => {
      w[d] = w[s]!;
    },
  [Operation.LSH]:
    ({ words: w }, d, s) =>
    () => {
      w[d] = BigInt.asUintN(64, w[d]! << (w[s]! & 63n));
    },
  [Operation.RSH]:
    ({ words: w }, d, s) =>
    () => {
      w[d] = w[d]! >> (w[s]! & 63n);
    },
  [Operation.ARSH]:
    ({ signed: i }, d, s) =>
    () => {
      i[d] = i[d]! >> (i[s]! & 63n);
    },
  [Operation.NEG]:
    ({ words: w }, d) =>
    () => {
      w[d] = -w[d]!;
    },
};

/** ALU64 with offset 1: rounding toward zero; a remainder has the sign of the dividend. */
export const WIDE_SIGNED: Meanings = {
  [Operation.DIV]:
    ({ signed: i }, d, s) =>
    () => {
      if (i[s] === 0n) i[d] = 0n;
      else i[d] = i[d]! / i[s]!;
    },
  [Operation.MOD]:
    ({ signed: i }, d, s) =>
    () => {
      if (i[s] !== 0n) i[d] = i[d]! % i[s]!;
    },
};

/** ALU with offset 0, on low halves: h, and i the same halves, signed. The high half becomes zero. */
export const NARROW: Meanings = {
  [Operation.ADD]:
    ({ halves: h }, d, s) =>
    () => {
      h[2 * d] = h[2 * d]! + h[2 * s]!;
      h[2 * d + 1] = 0;
    },
  [Operation.SUB]:
    ({ halves: h }, d, s) =>
    () => {
      h[2 * d] = h[2 * d]! - h[2 * s]!;
      h[2 * d + 1] = 0;
    },
  [Operation.MUL]:
    ({ halves: h }, d, s) =>
    () => {
      h[2 * d] = Math.imul(h[2 * d]!, h[2 * s]!);
      h[2 * d + 1] = 0;
    },
  [Operation.DIV]:
    ({ halves: h }, d, s) =>
    () => {
      h[2 * d] = h[2 * s] === 0 ? 0 : h[2 * d]! / h[2 * s]!;
      h[2 * d + 1] = 0;
    },
  [Operation.MOD]:
    ({ halves: h }, d, s) =>
    () => {
      if (h[2 * s] !== 0) h[2 * d] = h[2 * d]! % h[2 * s]!;
      h[2 * d + 1] = 0;
    },
  [Operation.OR]:
    ({ halves: h }, d, s) =>
    () => {
      h[2 * d] = h[2 * d]! | h[2 * s]!;
      h[2 * d + 1] = 0;
    },
  [Operation.AND]:
    ({ halves: h }, d, s) =>
    () => {
      h[2 * d] = h[2 * d]! & h[2 * s]!;
      h[2 * d + 1] = 0;
    },
  [Operation.XOR]:
    ({ halves: h }, d, s) =>
    () => {
      h[2 * d] = h[2 * d]! ^ h[2 * s]!;
      h[2 * d + 1] = 0;
    },
  [Operation.MOV]:
    ({ halves: h }, d, s) =>
    () => {
      h[2 * d] = h[2 * s]!;
      h[2 * d + 1] = 0;
    },
  [Operation.LSH]:
    ({ halves: h }, d, s) =>
    () => {
      h[2 * d] = h[2 * d]! << (h[2 * s]! & 31);
      h[2 * d + 1] = 0;
    },
  [Operation.RSH]:
    ({ halves: h }, d, s) =>
    () => {
      h[2 * d] = h[2 * d]! >>> (h[2 * s]! & 31);
      h[2 * d + 1] = 0;
    },
  [Operation.ARSH]:
    ({ signedHalves: i }, d, s) =>
    () => {
      i[2 * d] = i[2 * d]! >> (i[2 * s]! & 31);
      i[2 * d + 1] = 0;
    },
  [Operation.NEG]:
    ({ halves: h }, d) =>
    () => {
      h[2 * d] = -h[2 * d]!;
      h[2 * d + 1] = 0;
    },
};

/** ALU with offset 1. */
export const NARROW_SIGNED: Meanings = {
  [Operation.DIV]:
    ({ signedHalves: i }, d, s) =>
    () => {
      i[2 * d] = i[2 * s] === 0 ? 0 : i[2 * d]! / i[2 * s]!;
      i[2 * d + 1] = 0;
    },
  [Operation.MOD]:
    ({ signedHalves: i }, d, s) =>
    () => {
      if (i[2 * s] !== 0) i[2 * d] = i[2 * d]! % i[2 * s]!;
      i[2 * d + 1] = 0;
    },
};

/** MOV with offset 8, 16 or 32: sign-extends that many bits, to 64 in the ALU64 class and to 32 in the ALU class. */
export function moveSigned({ words, halves }: BpfRegisters, d: number, s: number, bits: number, wide: boolean): Step {
  return () => {
    if (wide) words[d] = BigInt.asIntN(bits, words[s]!);
    else {
      halves[2 * d] = (halves[2 * s]! << (32 - bits)) >> (32 - bits);
      halves[2 * d + 1] = 0;
    }
  };
}

/** The END operations (section 4.2): the low bytes in reverse order, the others cleared. */
export function swapBytes({ bytes }: BpfRegisters, d: number, bits: number): Step {
  const moved = bytes.subarray(8 * d, 8 * d + bits / 8);
  const cleared = bytes.subarray(8 * d + bits / 8, 8 * d + 8);
  return () => {
    moved.reverse();
    cleared.fill(0);
  };
}

/** Conversion to little-endian on a little-endian machine: nothing moves, the bytes above the width are cleared. */
export function truncate({ bytes }: BpfRegisters, d: number, bits: number): Step {
  const cleared = bytes.subarray(8 * d + bits / 8, 8 * d + 8);
  return () => {
    cleared.fill(0);
  };
}
