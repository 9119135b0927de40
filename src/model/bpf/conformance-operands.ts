/** Operands of the assembly of the bpf_conformance suite, and what to say when one cannot be read. */

/** A line that cannot be assembled. `line` counts from one. */
export class AssemblyError extends Error {
  override readonly name = 'AssemblyError';

  constructor(line: number, text: string, expected: string) {
    super(`line ${line}: expected ${expected} in "${text}"`);
  }
}

/** The line being read: how to refuse it, and how far away a label is. */
export interface Line {
  /** Throws {@link AssemblyError}; says what was expected. */
  readonly fail: (expected: string) => never;
  /** Instructions from the one after this line to a label or by a signed number. */
  readonly distance: (target: string | undefined) => number;
}

export function register(text: string | undefined, line: Line): number {
  const number = /^%?r(\d+)$/.exec(text ?? '')?.[1];
  return number !== undefined && Number(number) <= 10 ? Number(number) : line.fail('a register');
}

/** 32 bits, written signed or unsigned. */
export function immediate(text: string | undefined, line: Line): number {
  if (text === undefined || !/^-?(0x[0-9a-f]+|\d+)$/i.test(text)) return line.fail('a number');
  const magnitude = Number(text.replace('-', ''));
  const number = text.startsWith('-') ? -magnitude : magnitude;
  return number >= -0x8000_0000 && number <= 0xffff_ffff ? number | 0 : line.fail('a number of 32 bits');
}

/** A memory operand: `[r1]`, `[r1+8]`, `[%r10-16]`. */
export function place(text: string | undefined, line: Line): { readonly base: number; readonly offset: number } {
  const [, base, sign = '+', distance = '0'] = /^\[\s*(%?r\d+)\s*(?:([+-])\s*(\w+)\s*)?\]$/.exec(text ?? '') ?? [];
  if (base === undefined || Number.isNaN(Number(distance))) return line.fail('[register+offset]');
  return { base: register(base, line), offset: sign === '-' ? -Number(distance) : Number(distance) };
}
