import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyFixup, readExceptionEntry } from '../../src/model/bpf/exception-fixup.ts';
import { CODE, machineWith } from './small-machine.ts';

const TABLE = CODE + 0x40n;
const NOWHERE = 0xffff_8881_0000_0000n;

/** pt_regs offsets of the registers BPF programs live in, as the recorded tables have them. */
const OFFSETS = { rax: 80, rdi: 112, rsi: 104, rdx: 96, rcx: 88, r8: 72, rbx: 40, r13: 16, r14: 8, r15: 0 } as const;
const names = fc.constantFrom(...(Object.keys(OFFSETS) as (keyof typeof OFFSETS)[]));

/** An entry at TABLE for an instruction at CODE. */
function entry(fixup: number, data: number) {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, Number(CODE - TABLE), true);
  view.setInt32(4, fixup | 0, true);
  view.setInt32(8, data | 0, true);
  return readExceptionEntry(TABLE, bytes);
}

describe('a fixup', () => {
  it('clears the destination and goes on behind the instruction', () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 2, max: 15 }), (name, length) => {
        const { cpu } = machineWith('90', { [name]: 0x1234_5678_9abc_def0n });
        const found = entry(length | (OFFSETS[name] << 8), 7);
        expect(found.instruction).toBe(CODE);
        expect(applyFixup(found, cpu.registers, 0n)).toBeUndefined();
        expect(cpu.registers.get(name)).toBe(0n);
        expect(cpu.registers.ip).toBe(CODE + BigInt(length));
      }),
      { seed: 51, numRuns: 200 },
    );
  });

  it('of an arena access tells its kind and its user address', () => {
    const offsets = fc.integer({ min: -0x8000, max: 0x7fff });
    fc.assert(
      fc.property(names, fc.nat(0xffff_ffff), offsets, fc.boolean(), (base, pointer, offset, isLoad) => {
        const { cpu } = machineWith('90', { [base]: BigInt(pointer), r10: 5n });
        const destination = isLoad ? 56 : 1;
        const fixup = 5 | (destination << 8) | (OFFSETS[base] << 16) | (1 << 31);
        const fault = applyFixup(entry(fixup, 7 | (offset << 16)), cpu.registers, 0x7f2e_8096_1000n);
        const address = 0x7f2e_0000_0000n + BigInt(pointer) + BigInt(offset);
        expect(fault).toEqual({ write: !isLoad, address });
        expect(cpu.registers.get('r10')).toBe(isLoad ? 0n : 5n);
      }),
      { seed: 52, numRuns: 300 },
    );
  });

  it('lets a program that loads from nowhere come to its end', () => {
    const { cpu } = machineWith('488b03 4883c007 cc', { rbx: NOWHERE, rax: 1n });
    expect(cpu.run(9)).toMatchObject({ kind: 'page-fault', at: CODE, address: NOWHERE });
    applyFixup(entry(3 | (OFFSETS.rax << 8), 7), cpu.registers, 0n);
    expect(cpu.run(9).kind).toBe('breakpoint');
    expect(cpu.registers.get('rax')).toBe(7n);
  });
});
