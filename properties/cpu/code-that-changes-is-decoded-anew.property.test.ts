import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REGISTERS } from '../../src/model/machine/cpu/register-file.ts';
import { CODE, DATA, machineWith } from './small-machine.ts';

describe('decoded code', () => {
  it('follows bytes written from outside', () => {
    const { cpu, memory } = machineWith('b801000000 ebf9');
    cpu.run(10);
    expect(cpu.registers.get('rax')).toBe(1n);
    memory.write(CODE + 1n, Uint8Array.of(2));
    cpu.run(10);
    expect(cpu.registers.get('rax')).toBe(2n);
  });

  it('follows bytes the program itself writes, at the next jump', () => {
    // mov byte [rbx], 9 changes the immediate of the mov eax, which the jump goes to.
    const { cpu, memory } = machineWith('c60309 eb00 b801000000 cc', { rbx: CODE + 6n });
    memory.map(CODE, 4096, { execute: true, write: true });
    expect(cpu.run(1).kind).toBe('limit');
    expect(cpu.run(10).kind).toBe('breakpoint');
    expect(cpu.registers.get('rax')).toBe(9n);
  });

  it('follows the mapping: other bytes at the same address, no rights, nothing at all', () => {
    const { cpu, memory } = machineWith('b801000000 ebf9');
    cpu.run(10);
    memory.map(CODE, 4096, {});
    expect(cpu.run(2)).toMatchObject({ kind: 'page-fault', execute: true, present: true });
    memory.unmap(CODE, 4096);
    expect(cpu.run(2)).toMatchObject({ kind: 'page-fault', execute: true, present: false });
    memory.map(CODE, 4096, { execute: true });
    memory.write(CODE, Uint8Array.of(0xb8, 3, 0, 0, 0, 0xcc));
    cpu.registers.ip = CODE;
    expect(cpu.run(2).kind).toBe('breakpoint');
    expect(cpu.registers.get('rax')).toBe(3n);
  });
});

describe('running', () => {
  /** Straight code and short jumps, with loads and stores, an endless loop in all. */
  const pieces = fc.array(
    fc.constantFrom(
      '4801c8',
      '4883e901',
      '480fafc1',
      '488903',
      '488b0b',
      '48c1e003',
      '31d0',
      '7502',
      '7302',
      'eb00',
      '50',
      '59',
      '0f1f00',
    ),
    { minLength: 1, maxLength: 30 },
  );

  it('in pieces is running at once', () => {
    fc.assert(
      fc.property(pieces, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }), (code, limits) => {
        const body = `${code.join('')}0f1f40000f1f4000`;
        const back = Buffer.alloc(4);
        back.writeInt32LE(-(body.length / 2) - 5);
        const start = { rax: 1n, rcx: 9n, rdx: 5n, rbx: DATA };
        const whole = machineWith(`${body}e9${back.toString('hex')}`, start).cpu;
        const parts = machineWith(`${body}e9${back.toString('hex')}`, start).cpu;
        const total = limits.reduce((sum, limit) => sum + limit, 0);
        const end = whole.run(total);
        const ends = limits.map((limit) => parts.run(limit));
        expect(ends.at(-1)).toEqual(end);
        expect(parts.retired).toBe(whole.retired);
        expect(parts.registers.ip).toBe(whole.registers.ip);
        expect(REGISTERS.map((name) => parts.registers.get(name))).toEqual(
          REGISTERS.map((name) => whole.registers.get(name)),
        );
      }),
      { seed: 21, numRuns: 500 },
    );
  });
});

describe('byte registers', () => {
  it('without REX are the second bytes of the first four: the history of commit aee194b14dd2', () => {
    const { cpu, memory } = machineWith('8823 408863 01 cc', { rbx: DATA, rax: 0x1234n, rsp: DATA + 0x1000n });
    expect(cpu.run(9).kind).toBe('breakpoint');
    expect([...memory.read(DATA, 2)]).toEqual([0x12, 0x00]);
  });
});
