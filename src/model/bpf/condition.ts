/**
 * When a conditional jump is taken: RFC 9669 section 4.3, one entry each. An entry gives the step for one destination,
 * source and target; the step falls through by giving undefined. JMP compares whole words, JMP32 their low halves.
 */
import { JMP } from './encoding.ts';
import type { Step } from './meaning.ts';
import type { BpfRegisters } from './registers.ts';

type Condition = (registers: BpfRegisters, d: number, s: number, target: number) => Step;
export type Conditions = { readonly [operation: number]: Condition };

export const WIDE_CONDITIONS: Conditions = {
  [JMP.JEQ]:
    ({ words: w }, d, s, target) =>
    () =>
      w[d]! === w[s]! ? target : undefined,
  [JMP.JNE]:
    ({ words: w }, d, s, target) =>
    () =>
      w[d]! !== w[s]! ? target : undefined,
  [JMP.JGT]:
    ({ words: w }, d, s, target) =>
    () =>
      w[d]! > w[s]! ? target : undefined,
  [JMP.JGE]:
    ({ words: w }, d, s, target) =>
    () =>
      w[d]! >= w[s]! ? target : undefined,
  [JMP.JLT]:
    ({ words: w }, d, s, target) =>
    () =>
      w[d]! < w[s]! ? target : undefined,
  [JMP.JLE]:
    ({ words: w }, d, s, target) =>
    () =>
      w[d]! <= w[s]! ? target : undefined,
  [JMP.JSGT]:
    ({ signed: i }, d, s, target) =>
    () =>
      i[d]! > i[s]! ? target : undefined,
  [JMP.JSGE]:
    ({ signed: i }, d, s, target) =>
    () =>
      i[d]! >= i[s]! ? target : undefined,
  [JMP.JSLT]:
    ({ signed: i }, d, s, target) =>
    () =>
      i[d]! < i[s]! ? target : undefined,
  [JMP.JSLE]:
    ({ signed: i }, d, s, target) =>
    () =>
      i[d]! <= i[s]! ? target : undefined,
  [JMP.JSET]:
    ({ words: w }, d, s, target) =>
    () =>
      (w[d]! & w[s]!) !== 0n ? target : undefined,
};

export const NARROW_CONDITIONS: Conditions = {
  [JMP.JEQ]:
    ({ halves: h }, d, s, target) =>
    () =>
      h[2 * d]! === h[2 * s]! ? target : undefined,
  [JMP.JNE]:
    ({ halves: h }, d, s, target) =>
    () =>
      h[2 * d]! !== h[2 * s]! ? target : undefined,
  [JMP.JGT]:
    ({ halves: h }, d, s, target) =>
    () =>
      h[2 * d]! > h[2 * s]! ? target : undefined,
  [JMP.JGE]:
    ({ halves: h }, d, s, target) =>
    () =>
      h[2 * d]! >= h[2 * s]! ? target : undefined,
  [JMP.JLT]:
    ({ halves: h }, d, s, target) =>
    () =>
      h[2 * d]! < h[2 * s]! ? target : undefined,
  [JMP.JLE]:
    ({ halves: h }, d, s, target) =>
    () =>
      h[2 * d]! <= h[2 * s]! ? target : undefined,
  [JMP.JSGT]:
    ({ signedHalves: i }, d, s, target) =>
    () =>
      i[2 * d]! > i[2 * s]! ? target : undefined,
  [JMP.JSGE]:
    ({ signedHalves: i }, d, s, target) =>
    () =>
      i[2 * d]! >= i[2 * s]! ? target : undefined,
  [JMP.JSLT]:
    ({ signedHalves: i }, d, s, target) =>
    () =>
      i[2 * d]! < i[2 * s]! ? target : undefined,
  [JMP.JSLE]:
    ({ signedHalves: i }, d, s, target) =>
    () =>
      i[2 * d]! <= i[2 * s]! ? target : undefined,
  [JMP.JSET]:
    ({ halves: h }, d, s, target) =>
    () =>
      (h[2 * d]! & h[2 * s]!) !== 0 ? target : undefined,
};
