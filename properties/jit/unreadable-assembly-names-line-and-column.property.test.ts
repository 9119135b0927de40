import { describe, expect, it } from 'vitest';
import { parseAssembly } from '../../src/model/bpf/assembly-parse.ts';

describe('assembly that cannot be read', () => {
  it.each([
    ['r0 = 0\nr1 +* r2', 2, 4, 'expected an operator such as += or ='],
    ['r16 = 0', 1, 1, 'expected an instruction, found "r16"'],
    ['if r1 == 0 goto', 1, 16, 'found the end of the line'],
    ['# why\n\n  w1 += r2', 3, 9, 'expected a register w0 to w15'],
    ['r1 = 0x123456789', 1, 6, 'expected a 32-bit number, or one with "ll" behind it'],
    ['r1 = *(u24 *)(r2 +0)', 1, 7, 'expected a type such as (u64 *)'],
    ['*(u64 *)(r10 +40000000) = 1', 1, 14, 'expected an offset such as +8'],
    ['   3: (b7) r0 += 1', 1, 12, 'expected an instruction with opcode b7'],
    ['exit now', 1, 6, 'expected the end of the line, found "now"'],
    ['r2 = atomic64_fetch_add((u64 *)(r1 +0), r3)', 1, 43, 'the result of fetch_add goes to another register'],
  ])('%j says where and what was expected', (text, line, column, message) => {
    expect(parseAssembly(text)).toMatchObject({
      kind: 'error',
      line,
      column,
      message: expect.stringContaining(message),
    });
  });
});
