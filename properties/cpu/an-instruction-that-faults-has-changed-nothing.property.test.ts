import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REGISTERS } from '../../src/model/machine/cpu/register-file.ts';
import { CODE, DATA, machineWith, STACK_TOP } from './small-machine.ts';

const NOWHERE = 0xffff_8881_0000_0000n;
const READ_ONLY = 0xffff_8882_0000_0000n;
const NOT_CANONICAL = 0x8000_0000_0000_0000n;

/** Instructions with a memory operand at [rbx], or at the stack, and whether they write. */
const ACCESSES: readonly (readonly [string, boolean])[] = [
  ['488b03', false],
  ['0fb603', false],
  ['480fbe03', false],
  ['486303', false],
  ['480faf03', false],
  ['480f4403', false],
  ['483b03', false],
  ['488903', true],
  ['8803', true],
  ['66c7030100', true],
  ['480103', true],
  ['f04801 03', true],
  ['488703', true],
  ['f0480fc103', true],
  ['f0480fb103', true],
  ['48c12304', true],
];

describe('a fault', () => {
  it('names the first byte that could not be reached and leaves every register as it was', () => {
    const places = fc.constantFrom(NOWHERE, READ_ONLY, DATA + 8192n - 1n);
    fc.assert(
      fc.property(fc.constantFrom(...ACCESSES), places, ([code, writes], address) => {
        const { cpu, memory } = machineWith(`${code} cc`, { rbx: address, rax: 7n, rcx: 3n });
        memory.map(READ_ONLY, 4096, {});
        const before = REGISTERS.map((name) => cpu.registers.get(name));
        const stop = cpu.run(1);
        const crosses = address === DATA + 8192n - 1n;
        const isByte = code === '8803' || code === '0fb603' || code === '480fbe03';
        if ((address === READ_ONLY && !writes) || (crosses && isByte)) {
          expect(stop.kind).toBe('limit');
          return;
        }
        expect(stop).toEqual({
          kind: 'page-fault',
          at: CODE,
          address: crosses ? DATA + 8192n : address,
          write: writes,
          execute: false,
          present: address === READ_ONLY,
        });
        expect(REGISTERS.map((name) => cpu.registers.get(name))).toEqual(before);
        if (crosses) expect([...memory.read(DATA + 8191n, 1)]).toEqual([0]);
      }),
      { seed: 11, numRuns: 400 },
    );
  });

  it('is general protection at an address that is not canonical, and a stack fault through rsp and rbp', () => {
    expect(machineWith('488b03', { rbx: NOT_CANONICAL }).cpu.run(1)).toEqual({ kind: 'general-protection', at: CODE });
    expect(machineWith('488b4500', { rbp: NOT_CANONICAL }).cpu.run(1)).toEqual({ kind: 'stack-fault', at: CODE });
    expect(machineWith('50', { rsp: NOT_CANONICAL }).cpu.run(1)).toEqual({ kind: 'stack-fault', at: CODE });
    expect(machineWith('65488b4500', { rbp: NOT_CANONICAL }).cpu.run(1).kind).toBe('general-protection');
    const { cpu } = machineWith('488b03', { rbx: 0x7fff_ffff_fffcn });
    expect(cpu.run(1).kind).toBe('page-fault');
  });

  it('of push, call, pop, leave and ret leaves the stack pointer where it was', () => {
    for (const code of ['50', 'e800000000', '58', 'c9', 'c3']) {
      const { cpu } = machineWith(code, { rsp: NOWHERE, rbp: NOWHERE + 64n });
      expect(cpu.run(1).kind, code).toBe('page-fault');
      expect(cpu.registers.get('rsp'), code).toBe(NOWHERE);
      expect(cpu.registers.ip, code).toBe(CODE);
    }
  });

  it('of a jump to an address that is not canonical is raised at the jump', () => {
    expect(machineWith('ffe1', { rcx: NOT_CANONICAL }).cpu.run(5)).toEqual({ kind: 'general-protection', at: CODE });
    const called = machineWith('ffd1', { rcx: NOT_CANONICAL }).cpu;
    expect(called.run(5)).toEqual({ kind: 'general-protection', at: CODE });
    expect(called.registers.get('rsp')).toBe(STACK_TOP);
  });
});

describe('fetching', () => {
  it('faults where the bytes lie, also when only the end of an instruction is missing', () => {
    const gone = machineWith('ffe1', { rcx: NOWHERE + 5n }).cpu;
    expect(gone.run(5)).toMatchObject({
      kind: 'page-fault',
      at: NOWHERE + 5n,
      address: NOWHERE + 5n,
      execute: true,
      present: false,
    });
    const data = machineWith('ffe1', { rcx: DATA }).cpu;
    expect(data.run(5)).toMatchObject({ kind: 'page-fault', at: DATA, execute: true, present: true });
    const { cpu, memory } = machineWith('');
    memory.write(CODE + 8190n, Uint8Array.of(0x48, 0x89));
    cpu.registers.ip = CODE + 8190n;
    expect(cpu.run(5)).toMatchObject({ kind: 'page-fault', at: CODE + 8190n, address: CODE + 8192n, execute: true });
  });

  it('reads an instruction across two pages', () => {
    const { cpu, memory } = machineWith('');
    memory.write(CODE + 4093n, Uint8Array.of(0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 0xcc));
    cpu.registers.ip = CODE + 4093n;
    expect(cpu.run(5)).toEqual({ kind: 'breakpoint', at: CODE + 4104n });
    expect(cpu.registers.get('rax')).toBe(0x0807060504030201n);
  });

  it('refuses what is not in the subset, and instructions longer than fifteen bytes', () => {
    for (const code of [
      'f4',
      '0f05',
      '66 0f 6f c0',
      'f0 4801c8',
      '67 8b03',
      'd8c0',
      '0f30',
      'cf',
      'cd80',
      'a4',
      '64 8b03',
    ]) {
      expect(machineWith(code).cpu.run(1), code).toEqual({ kind: 'invalid-opcode', at: CODE });
    }
    expect(machineWith('0f0b').cpu.run(1).kind).toBe('invalid-opcode');
    expect(machineWith('0fb9c0').cpu.run(1).kind).toBe('invalid-opcode');
    expect(machineWith(`${'2e'.repeat(15)}90`).cpu.run(1)).toEqual({ kind: 'general-protection', at: CODE });
    expect(machineWith(`${'2e'.repeat(14)}90`).cpu.run(1)).toEqual({ kind: 'limit' });
  });

  it('stops behind a breakpoint, which has retired', () => {
    const { cpu } = machineWith('90cc90cc');
    expect(cpu.run(10)).toEqual({ kind: 'breakpoint', at: CODE + 2n });
    expect(cpu.retired).toBe(2);
    expect(cpu.run(10)).toEqual({ kind: 'breakpoint', at: CODE + 4n });
  });
});

describe('a CPU', () => {
  it('stops with a value whatever bytes it is given, and where it stopped it stops again', () => {
    const bytes = fc.array(
      fc.oneof(fc.nat(255), fc.constantFrom(0x48, 0x89, 0x8b, 0x01, 0xc3, 0xe8, 0x50, 0x0f, 0xf0, 0x41, 0x83, 0xc1)),
      { minLength: 1, maxLength: 64 },
    );
    fc.assert(
      fc.property(bytes, (code) => {
        const { cpu } = machineWith(Uint8Array.from(code), { rbx: DATA, rbp: STACK_TOP - 512n, rax: DATA + 64n });
        const stop = cpu.run(300);
        if (stop.kind === 'limit' || stop.kind === 'breakpoint') return;
        const at = cpu.registers.ip;
        expect(stop.at).toBe(at);
        expect(cpu.run(300)).toEqual(stop);
        expect(cpu.registers.ip).toBe(at);
      }),
      { seed: 13, numRuns: 3_000 },
    );
  });
});
