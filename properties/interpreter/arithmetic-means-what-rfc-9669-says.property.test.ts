import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpreterFor } from './bpf-machine.ts';

const words = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc
    .tuple(fc.constantFrom(0n, 1n << 31n, 1n << 32n, 1n << 63n), fc.bigInt({ min: -3n, max: 3n }))
    .map(([edge, near]) => BigInt.asUintN(64, edge + near)),
);

/** The second operand, given in both readings, and the width; results are truncated by the caller. */
type Rule = (left: bigint, right: bigint, signedLeft: bigint, signedRight: bigint, bits: bigint) => bigint;

const RULES: { readonly [mnemonic: string]: Rule } = {
  add: (l, r) => l + r,
  sub: (l, r) => l - r,
  mul: (l, r) => l * r,
  div: (l, r) => (r === 0n ? 0n : l / r),
  sdiv: (_l, _r, l, r) => (r === 0n ? 0n : l / r),
  mod: (l, r) => (r === 0n ? l : l % r),
  smod: (_l, _r, l, r) => (r === 0n ? l : l % r),
  or: (l, r) => l | r,
  and: (l, r) => l & r,
  xor: (l, r) => l ^ r,
  mov: (_l, r) => r,
  lsh: (l, r, _sl, _sr, bits) => l << (r % bits),
  rsh: (l, r, _sl, _sr, bits) => l >> (r % bits),
  arsh: (_l, r, l, _sr, bits) => l >> (r % bits),
};

const COMPARISONS: { readonly [mnemonic: string]: (l: bigint, r: bigint, sl: bigint, sr: bigint) => boolean } = {
  jeq: (l, r) => l === r,
  jne: (l, r) => l !== r,
  jgt: (l, r) => l > r,
  jge: (l, r) => l >= r,
  jlt: (l, r) => l < r,
  jle: (l, r) => l <= r,
  jset: (l, r) => (l & r) !== 0n,
  jsgt: (_l, _r, l, r) => l > r,
  jsge: (_l, _r, l, r) => l >= r,
  jslt: (_l, _r, l, r) => l < r,
  jsle: (_l, _r, l, r) => l <= r,
};

describe('arithmetic', () => {
  const cases = fc.tuple(fc.constantFrom(...Object.keys(RULES)), fc.constantFrom(32, 64), words, words);

  it('gives the truncated result, with the upper half clear after a 32-bit operation', () => {
    fc.assert(
      fc.property(cases, ([mnemonic, width, left, right]) => {
        const suffix = width === 32 ? '32' : '';
        const program = interpreterFor(`mov r0, r1\n${mnemonic}${suffix} r0, r2\nexit`);
        expect(program.run([left, right])).toEqual({ kind: 'exit', value: resultOf(mnemonic, width, left, right) });
      }),
      { seed: 31, numRuns: 4_000 },
    );
  });

  it('takes an immediate, sign-extended, as it takes a register', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), ([mnemonic, width, left], immediate) => {
        const suffix = width === 32 ? '32' : '';
        const program = interpreterFor(`mov r0, r1\n${mnemonic}${suffix} r0, ${immediate}\nexit`);
        const expected = resultOf(mnemonic, width, left, BigInt.asUintN(64, BigInt(immediate)));
        expect(program.run([left])).toEqual({ kind: 'exit', value: expected });
      }),
      { seed: 32, numRuns: 2_000 },
    );
  });

  it('sign-extends, negates and reverses bytes', () => {
    fc.assert(
      fc.property(words, (word) => {
        const run = (line: string): bigint => {
          const stop = interpreterFor(`mov r0, r1\n${line}\nexit`).run([word]);
          return stop.kind === 'exit' ? stop.value : -1n;
        };
        const u = (bits: number, value: bigint): bigint => BigInt.asUintN(bits, value);
        const s = (bits: number): bigint => BigInt.asIntN(bits, word);
        expect(run('movsx864 r0, r1')).toBe(u(64, s(8)));
        expect(run('movsx1664 r0, r1')).toBe(u(64, s(16)));
        expect(run('movsx3264 r0, r1')).toBe(u(64, s(32)));
        expect(run('movsx832 r0, r1')).toBe(u(32, s(8)));
        expect(run('movsx1632 r0, r1')).toBe(u(32, s(16)));
        expect(run('neg r0')).toBe(u(64, -word));
        expect(run('neg32 r0')).toBe(u(32, -word));
        for (const bits of [16, 32, 64]) {
          const digits = u(bits, word)
            .toString(16)
            .padStart(bits / 4, '0');
          const reversed = BigInt(`0x${digits.match(/../g)!.reverse().join('')}`);
          expect(run(`le${bits} r0`)).toBe(u(bits, word));
          expect(run(`be${bits} r0`)).toBe(reversed);
          expect(run(`swap${bits} r0`)).toBe(reversed);
        }
      }),
      { seed: 33, numRuns: 300 },
    );
  });
});

describe('conditional jumps', () => {
  it('compare whole words, or low halves with 32', () => {
    const names = fc.constantFrom(...Object.keys(COMPARISONS));
    fc.assert(
      fc.property(names, fc.constantFrom(32, 64), words, words, (mnemonic, width, left, right) => {
        const suffix = width === 32 ? '32' : '';
        const program = interpreterFor(`mov r0, 1\n${mnemonic}${suffix} r1, r2, +1\nmov r0, 0\nexit`);
        const cut = (value: bigint): bigint => BigInt.asUintN(width, value);
        const signed = (value: bigint): bigint => BigInt.asIntN(width, value);
        const taken = COMPARISONS[mnemonic]!(cut(left), cut(right), signed(left), signed(right));
        expect(program.run([left, right])).toEqual({ kind: 'exit', value: taken ? 1n : 0n });
      }),
      { seed: 34, numRuns: 3_000 },
    );
  });
});

function resultOf(mnemonic: string, width: number, left: bigint, right: bigint): bigint {
  const [l, r] = [BigInt.asUintN(width, left), BigInt.asUintN(width, right)];
  const exact = RULES[mnemonic]!(l, r, BigInt.asIntN(width, l), BigInt.asIntN(width, r), BigInt(width));
  return BigInt.asUintN(width, exact);
}
