import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeInstructions,
  encodeInstructions,
  type Instruction,
  wideLoad,
  wideValue,
} from '../../src/model/bpf/instruction.ts';

const anySlot: fc.Arbitrary<Instruction> = fc.record({
  opcode: fc.nat(255),
  dst: fc.nat(15),
  src: fc.nat(15),
  offset: fc.integer({ min: -0x8000, max: 0x7fff }),
  immediate: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
});

describe('instruction bytes', () => {
  it('are read back as the instructions they were written from', () => {
    fc.assert(
      fc.property(fc.array(anySlot), (program) => {
        expect(decodeInstructions(encodeInstructions(program))).toEqual(program);
      }),
      { seed: 1 },
    );
  });

  it('are written back as the bytes they were read from', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const program = decodeInstructions(bytes);
        if (bytes.length % 8 !== 0) expect(program).toBeUndefined();
        else expect(encodeInstructions(program!)).toEqual(bytes);
      }),
      { seed: 2 },
    );
  });

  it('lie where RFC 9669 draws them', () => {
    const [bytes] = [encodeInstructions([{ opcode: 0x63, dst: 10, src: 2, offset: -4, immediate: 0x12345678 }])];
    expect([...bytes]).toEqual([0x63, 0x2a, 0xfc, 0xff, 0x78, 0x56, 0x34, 0x12]);
  });

  it('carry 64-bit values in two slots', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(wideValue(...wideLoad(3, value))).toBe(value);
      }),
      { seed: 3 },
    );
  });
});
