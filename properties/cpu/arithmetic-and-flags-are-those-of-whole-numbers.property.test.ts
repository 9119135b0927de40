import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { machineWith } from './small-machine.ts';

/** Words near the places where carries, signs and overflows change. */
const words = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc
    .tuple(fc.constantFrom(0n, 1n << 31n, 1n << 32n, 1n << 63n), fc.bigInt({ min: -3n, max: 3n }))
    .map(([edge, near]) => BigInt.asUintN(64, edge + near)),
);
const widths = fc.constantFrom(32, 64);

/** Opcode of `op rm, reg`, what it leaves in the destination (undefined: nothing), and the value its flags are of. */
const OPERATIONS = {
  add: { opcode: 0x01, result: (l: bigint, r: bigint) => l + r, writes: true },
  or: { opcode: 0x09, result: (l: bigint, r: bigint) => l | r, writes: true },
  and: { opcode: 0x21, result: (l: bigint, r: bigint) => l & r, writes: true },
  sub: { opcode: 0x29, result: (l: bigint, r: bigint) => l - r, writes: true },
  xor: { opcode: 0x31, result: (l: bigint, r: bigint) => l ^ r, writes: true },
  cmp: { opcode: 0x39, result: (l: bigint, r: bigint) => l - r, writes: false },
  test: { opcode: 0x85, result: (l: bigint, r: bigint) => l & r, writes: false },
} as const;

describe('two-operand arithmetic', () => {
  it('leaves the truncated result and the flags the SDM defines for it', () => {
    const names = fc.constantFrom(...(Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[]));
    fc.assert(
      fc.property(names, widths, words, words, (name, width, left, right) => {
        const { opcode, result, writes } = OPERATIONS[name];
        const rex = width === 64 ? [0x48] : [];
        const { cpu } = machineWith(Uint8Array.from([...rex, opcode, 0xc8, 0xcc]), { rax: left, rcx: right });
        expect(cpu.run(10).kind).toBe('breakpoint');
        const cut = (value: bigint): bigint => BigInt.asUintN(width, value);
        const exact = result(cut(left), cut(right));
        expect(cpu.registers.get('rax')).toBe(writes ? cut(exact) : left);
        expect(flagsOf(cpu.flags.image)).toEqual(expectedFlags(exact, width, name, cut(left), cut(right)));
      }),
      { seed: 1, numRuns: 4_000 },
    );
  });

  it('means the same with an immediate, a register and memory', () => {
    fc.assert(
      fc.property(words, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), widths, (left, immediate, width) => {
        const rex = width === 64 ? '48' : '';
        const bytes = Buffer.alloc(4);
        bytes.writeInt32LE(immediate);
        const right = BigInt(immediate);
        const address = 0xffff_8880_0000_0800n;
        const byRegister = machineWith(`${rex}29c8 cc`, { rax: left, rcx: right });
        const byImmediate = machineWith(`${rex}2d${bytes.toString('hex')} cc`, { rax: left });
        const byMemory = machineWith(`48890b ${rex}2b03 cc`, { rax: left, rbx: address, rcx: right });
        const inMemory = machineWith(`488903 ${rex}290b ${rex}8b03 cc`, { rax: left, rbx: address, rcx: right });
        const results = [byRegister, byImmediate, byMemory, inMemory].map(({ cpu }) => {
          cpu.run(10);
          return [cpu.registers.get('rax'), cpu.flags.image];
        });
        for (const other of results.slice(1)) expect(other).toEqual(results[0]);
      }),
      { seed: 2, numRuns: 500 },
    );
  });
});

describe('shifts and rotates', () => {
  const SHIFTS = { rol: 0, ror: 1, shl: 4, shr: 5, sar: 7 } as const;

  it('shift whole numbers by the masked count, however the count is given', () => {
    const names = fc.constantFrom(...(Object.keys(SHIFTS) as (keyof typeof SHIFTS)[]));
    fc.assert(
      fc.property(names, widths, words, fc.nat(255), (name, width, value, count) => {
        const rex = width === 64 ? [0x48] : [];
        const modrm = 0xc0 | (SHIFTS[name] << 3);
        const expected = shifted(name, width, value, BigInt(count & (width - 1)));
        const byImmediate = machineWith(Uint8Array.from([...rex, 0xc1, modrm, count, 0xcc]), { rax: value });
        const byRegister = machineWith(Uint8Array.from([...rex, 0xd3, modrm, 0xcc]), {
          rax: value,
          rcx: BigInt(count),
        });
        for (const { cpu } of [byImmediate, byRegister]) {
          expect(cpu.run(10).kind).toBe('breakpoint');
          expect(cpu.registers.get('rax')).toBe(expected);
        }
      }),
      { seed: 3, numRuns: 2_000 },
    );
  });

  it('have twins by any register that leave the flags alone', () => {
    const twins = fc.constantFrom(['shl', 1], ['sar', 2], ['shr', 3]) as fc.Arbitrary<['shl' | 'sar' | 'shr', number]>;
    fc.assert(
      fc.property(twins, widths, words, fc.nat(255), ([name, pp], width, value, count) => {
        const third = (width === 64 ? 0x80 : 0) | ((~6 & 15) << 3) | pp;
        const code = Uint8Array.from([0xc4, 0xe2, third, 0xf7, 0xc1, 0xcc]);
        const { cpu } = machineWith(code, { rcx: value, rsi: BigInt(count), rax: 5n });
        const before = cpu.flags.image;
        expect(cpu.run(10).kind).toBe('breakpoint');
        expect(cpu.registers.get('rax')).toBe(shifted(name, width, value, BigInt(count & (width - 1))));
        expect(cpu.flags.image).toBe(before);
      }),
      { seed: 4, numRuns: 1_000 },
    );
  });
});

describe('multiplication and division', () => {
  it('keep the low part of a product and fill rdx with the high part where there is one', () => {
    fc.assert(
      fc.property(words, words, (left, right) => {
        const { cpu } = machineWith('480fafc1 cc', { rax: left, rcx: right });
        cpu.run(10);
        expect(cpu.registers.get('rax')).toBe(BigInt.asUintN(64, left * right));
        const wide = machineWith('48f7e1 cc', { rax: left, rcx: right }).cpu;
        wide.run(10);
        expect((wide.registers.get('rdx') << 64n) | wide.registers.get('rax')).toBe(left * right);
      }),
      { seed: 5, numRuns: 1_000 },
    );
  });

  it('divide with truncation, and fault where the quotient does not fit', () => {
    fc.assert(
      fc.property(widths, words, words, words, fc.boolean(), (width, high, low, divisor, isSigned) => {
        const code = `${width === 64 ? '48' : ''}f7${isSigned ? 'f9' : 'f1'} cc`;
        const { cpu } = machineWith(code, { rdx: high, rax: low, rcx: divisor });
        const stop = cpu.run(10);
        const as = isSigned ? BigInt.asIntN : BigInt.asUintN;
        const dividend = as(2 * width, (BigInt.asUintN(width, high) << BigInt(width)) | BigInt.asUintN(width, low));
        const by = as(width, divisor);
        const quotient = by === 0n ? undefined : dividend / by;
        if (quotient === undefined || as(width, quotient) !== quotient) {
          expect(stop.kind).toBe('divide-error');
          expect(cpu.registers.get('rax')).toBe(low);
          expect(cpu.registers.get('rdx')).toBe(high);
        } else {
          expect(stop.kind).toBe('breakpoint');
          expect(cpu.registers.get('rax')).toBe(BigInt.asUintN(width, quotient));
          expect(cpu.registers.get('rdx')).toBe(BigInt.asUintN(width, dividend % by));
        }
      }),
      { seed: 6, numRuns: 2_000 },
    );
  });
});

describe('conditions', () => {
  it('read the flags of a comparison as comparisons of numbers', () => {
    const meanings: readonly [number, (l: bigint, r: bigint) => boolean, 'signed' | 'unsigned'][] = [
      [0x72, (l, r) => l < r, 'unsigned'],
      [0x73, (l, r) => l >= r, 'unsigned'],
      [0x74, (l, r) => l === r, 'unsigned'],
      [0x75, (l, r) => l !== r, 'unsigned'],
      [0x76, (l, r) => l <= r, 'unsigned'],
      [0x77, (l, r) => l > r, 'unsigned'],
      [0x7c, (l, r) => l < r, 'signed'],
      [0x7d, (l, r) => l >= r, 'signed'],
      [0x7e, (l, r) => l <= r, 'signed'],
      [0x7f, (l, r) => l > r, 'signed'],
    ];
    fc.assert(
      fc.property(fc.constantFrom(...meanings), widths, words, words, ([opcode, holds, sign], width, left, right) => {
        const rex = width === 64 ? [0x48] : [];
        const { cpu } = machineWith(Uint8Array.from([...rex, 0x39, 0xc8, opcode, 1, 0xcc, 0x0f, 0x0b]), {
          rax: left,
          rcx: right,
        });
        const as = sign === 'signed' ? BigInt.asIntN : BigInt.asUintN;
        expect(cpu.run(10).kind).toBe(holds(as(width, left), as(width, right)) ? 'invalid-opcode' : 'breakpoint');
      }),
      { seed: 8, numRuns: 2_000 },
    );
  });
});

function shifted(name: 'rol' | 'ror' | 'shl' | 'shr' | 'sar', width: number, word: bigint, count: bigint): bigint {
  const value = BigInt.asUintN(width, word);
  const rest = BigInt(width) - count;
  switch (name) {
    case 'shl':
      return BigInt.asUintN(width, value << count);
    case 'shr':
      return value >> count;
    case 'sar':
      return BigInt.asUintN(width, BigInt.asIntN(width, value) >> count);
    case 'rol':
      return BigInt.asUintN(width, (value << count) | (value >> rest));
    case 'ror':
      return BigInt.asUintN(width, (value >> count) | (value << rest));
  }
}

const flagsOf = (image: number) => ({
  carry: (image & 1) !== 0,
  zero: (image & 0x40) !== 0,
  sign: (image & 0x80) !== 0,
  overflow: (image & 0x800) !== 0,
});

function expectedFlags(
  exact: bigint,
  width: number,
  name: string,
  left: bigint,
  right: bigint,
): ReturnType<typeof flagsOf> {
  const result = BigInt.asUintN(width, exact);
  const isLogical = ['or', 'and', 'xor', 'test'].includes(name);
  const signed = (value: bigint): bigint => BigInt.asIntN(width, value);
  const signedExact = name === 'add' ? signed(left) + signed(right) : signed(left) - signed(right);
  return {
    carry: !isLogical && exact !== result,
    zero: result === 0n,
    sign: signed(result) < 0n,
    overflow: !isLogical && signedExact !== signed(signedExact),
  };
}
