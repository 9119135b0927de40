import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClassicInstruction, translateClassic } from '../../src/model/bpf/classic.ts';
import { compile } from '../../src/model/bpf/jit/compile.ts';
import { PLAIN_MACHINE } from '../../src/model/bpf/jit/machine.ts';
import { validate } from '../../src/model/bpf/validate.ts';
import { IMAGE, programOf } from './programs.ts';

const packet = {
  dataOffset: 200,
  lengthOffset: 112,
  fragmentLengthOffset: 116,
  loadHelpers: { byte: 4096, half: 8192, word: 12288 },
};

const loads = [0x00, 0x01, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x81, 0xb1];
const arithmetic = [
  0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x74, 0x94, 0xa4, 0x0c, 0x1c, 0x2c, 0x3c, 0x4c, 0x5c, 0x9c, 0xac, 0x84,
];
const comparisons = [0x15, 0x25, 0x35, 0x45, 0x1d, 0x2d, 0x3d, 0x4d];

const constant = fc.oneof(fc.constantFrom(1, 31, 0x7fff, 0x8000, 0x7fffffff), fc.integer({ min: 1, max: 31 }));
const plain = fc
  .record({ code: fc.constantFrom(...loads, ...arithmetic, 0x07, 0x87), k: constant })
  .map(({ code, k }) => ({
    code,
    whenTrue: 0,
    whenFalse: 0,
    k: code === 0x64 || code === 0x74 ? k & 31 : k,
  }));
const scratch = fc
  .record({ code: fc.constantFrom(0x02, 0x03, 0x60, 0x61), k: fc.nat(15) })
  .map((fields) => ({ ...fields, whenTrue: 0, whenFalse: 0 }));
const jump = fc.record({
  code: fc.constantFrom(...comparisons),
  whenTrue: fc.nat(3),
  whenFalse: fc.nat(3),
  k: fc.oneof(constant, fc.constantFrom(0x80000000, 0xffffffff)),
});
const returns: ClassicInstruction[] = Array.from({ length: 4 }, (_, k) => ({
  code: 0x06,
  whenTrue: 0,
  whenFalse: 0,
  k,
}));

/** Every jump finds one of the four returns at the end at the latest. */
const filter = fc.array(fc.oneof(plain, scratch, jump), { maxLength: 30 }).map((body) => [...body, ...returns]);

describe('a classic filter', () => {
  it('becomes a well-formed program that compiles', () => {
    fc.assert(
      fc.property(filter, (classic) => {
        const { instructions, stackDepth } = translateClassic(classic, packet)!;
        expect(validate(instructions)).toEqual([]);
        const program = { ...programOf(instructions, { stackDepth }), wasClassic: true };
        expect(compile(program, PLAIN_MACHINE, () => IMAGE).kind).toBe('compiled');
      }),
      { seed: 11, numRuns: 300 },
    );
  });

  it('keeps scratch words in as much stack as the highest one it writes needs', () => {
    const store = (k: number) => ({ code: 0x02, whenTrue: 0, whenFalse: 0, k });
    expect(translateClassic([store(3), store(0), returns[0]!], packet)).toMatchObject({ stackDepth: 16 });
  });

  it('is refused when it asks for metadata of the packet', () => {
    expect(
      translateClassic([{ code: 0x28, whenTrue: 0, whenFalse: 0, k: 0xfffff000 }, returns[0]!], packet),
    ).toBeUndefined();
  });

  it('clears the branch history before it returns when its loader is no administrator', () => {
    const { instructions } = translateClassic(returns.slice(0, 1), packet)!;
    const machine = { ...PLAIN_MACHINE, branchHistory: { loop: undefined, hardware: true, hypervisor: false } };
    const codeFor = (loaderIsAdmin: boolean) => {
      const result = compile({ ...programOf(instructions), wasClassic: true, loaderIsAdmin }, machine, () => IMAGE);
      if (result.kind === 'refused') throw new Error(result.reason);
      return Buffer.from(result.functions[0]!.code).toString('hex');
    };
    const barrier = 'f3480f1ef8';
    expect(codeFor(true)).not.toContain(barrier);
    expect(codeFor(false)).toContain(barrier);
  });
});
