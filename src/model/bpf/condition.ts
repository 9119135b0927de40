/**
 * When a conditional jump is taken: RFC 9669 section 4.3, one entry each. An entry gives the step for one destination,
 * source and target; the step falls through by giving undefined. JMP compares whole words, JMP32 their low halves.
 */
import { Jump } from './instruction.ts';
import type { Step } from './meaning.ts';
import type { BpfRegisters } from './registers.ts';

type Condition = (registers: BpfRegisters, d: number, s: number, target: number) => Step;
export type Conditions = { readonly [operation: number]: Condition };

export const WIDE_CONDITIONS: Conditions = {
  [Jump.JEQ]:
    ({ words: w }, d, s, target) =>
    () =>
      w[d]! === w[s]! ? target : undefined,
  [Jump.JNE]:
    ({ words: w }, d, s, target) =>
    () =>
      w[d]! !== w[s]! ? target : undefined,
  [Jump.JGT]:
    ({ words: w }, d, s, target) =>
    () =>
      w[d]! > w[s]! ? target : undefined,
  [Jump.JGE]:
    ({ words: w }, d, s, target) =>
    () =>
      w[d]! >= w[s]! ? target : undefined,
  [Jump.JLT]:
    ({ words: w }, d, s, target) =>
    () =>
      w[d]! < w[s]! ? target : undefined,
  [Jump.JLE]:
    ({ words: w }, d, s, target) =>
    () =>
      w[d]! <= w[s]! ? target : undefined,
  [Jump.JSGT]:
    ({ signed: i }, d, s, target) =>
    () =>
      i[d]! > i[s]! ? target : undefined,
  [Jump.JSGE]:
    ({ signed: i }, d, s, target) =>
    () =>
      i[d]! >= i[s]! ? target : undefined,
  [Jump.JSLT]:
    ({ signed: i }, d, s, target) =>
    () =>
      i[d]! < i[s]! ? target : undefined,
  [Jump.JSLE]:
    ({ signed: i }, d, s, target) =>
    () =>
      i[d]! <= i[s]! ? target : undefined,
  [Jump.JSET]:
    ({ words: w }, d, s, target) =>
    () =>
      (w[d]! & w[s]!) !== 0n ? target : undefined,
};

export const NARROW_CONDITIONS: Conditions = {
  [Jump.JEQ]:
    ({ halves: h }, d, s, target) =>
    () =>
      h[2 * d]! === h[2 * s]! ? target : undefined,
  [Jump.JNE]:
    ({ halves: h }, d, s, target) =>
    () =>
      h[2 * d]! !== h[2 * s]! ? target : undefined,
  [Jump.JGT]:
    ({ halves: h }, d, s, target) =>
    () =>
      h[2 * d]! > h[2 * s]! ? target : undefined,
  [Jump.JGE]:
    ({ halves: h }, d, s, target) =>
    () =>
      h[2 * d]! >= h[2 * s]! ? target : undefined,
  [Jump.JLT]:
    ({ halves: h }, d, s, target) =>
    () =>
      h[2 * d]! < h[2 * s]! ? target : undefined,
  [Jump.JLE]:
    ({ halves: h }, d, s, target) =>
    () =>
      h[2 * d]! <= h[2 * s]! ? target : undefined,
  [Jump.JSGT]:
    ({ signedHalves: i }, d, s, target) =>
    () =>
      i[2 * d]! > i[2 * s]! ? target : undefined,
  [Jump.JSGE]:
    ({ signedHalves: i }, d, s, target) =>
    () =>
      i[2 * d]! >= i[2 * s]! ? target : undefined,
  [Jump.JSLT]:
    ({ signedHalves: i }, d, s, target) =>
    () =>
      i[2 * d]! < i[2 * s]! ? target : undefined,
  [Jump.JSLE]:
    ({ signedHalves: i }, d, s, target) =>
    () =>
      i[2 * d]! <= i[2 * s]! ? target : undefined,
  [Jump.JSET]:
    ({ halves: h }, d, s, target) =>
    () =>
      (h[2 * d]! & h[2 * s]!) !== 0 ? target : undefined,
};
