import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jitInput, readJitRecord } from '../../src/conform/jit-record.ts';
import { parseAssembly } from '../../src/model/bpf/assembly-parse.ts';
import { printAssembly } from '../../src/model/bpf/assembly-print.ts';
import { decodeInstructions, encodeInstructions, type Instruction } from '../../src/model/bpf/instruction.ts';
import { instructions } from './programs.ts';
import { readRecording } from './recordings.ts';

const styles = ['dump', 'plain'] as const;

function reread(program: readonly Instruction[], style: (typeof styles)[number]): readonly Instruction[] {
  const parsed = parseAssembly(printAssembly(program, style));
  if (parsed.kind === 'error') throw new Error(`${parsed.line}:${parsed.column}: ${parsed.message}`);
  return parsed.instructions;
}

describe('assembly', () => {
  it.each(styles)('of any slots at all is read back without loss: %s', (style) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 64 }), (bytes) => {
        const whole = bytes.subarray(0, bytes.length & ~7);
        expect(encodeInstructions(reread(decodeInstructions(whole)!, style))).toEqual(Uint8Array.from(whole));
      }),
      { seed: 4, numRuns: 500 },
    );
  });

  it.each(styles)('of well-formed programs needs no raw fields: %s', (style) => {
    fc.assert(
      fc.property(instructions(), (program) => {
        const text = printAssembly(program, style);
        expect(text).not.toMatch(/raw|;/);
        expect(reread(program, style)).toEqual(program);
      }),
      { seed: 5 },
    );
  });

  it('of recorded programs is read back in every byte', () => {
    for (const line of readRecording('jit-6.18.jsonl.gz').lines.filter((_, index) => index % 23 === 0)) {
      const record = readJitRecord(line, 1);
      if (record.cls === 'cbpf') continue;
      const bytes = jitInput(record);
      expect(encodeInstructions(reread(decodeInstructions(bytes)!, 'dump'))).toEqual(Uint8Array.from(bytes));
    }
  });

  it('reads as bpftool prints it', () => {
    const text = [
      '   0: (79) r2 = *(u64 *)(r1 +16)',
      '   1: (bc) w1 = (s8)w2',
      '   2: (15) if r2 == 0x0 goto pc+3',
      '   3: (18) r1 = map[id:5]',
      '   5: (c3) r0 = atomic_cmpxchg((u32 *)(r10 -8), r0, r1)',
      '   6: (95) exit',
      '',
    ].join('\n');
    const parsed = parseAssembly(text);
    expect(parsed.kind === 'program' && printAssembly(parsed.instructions)).toBe(text);
  });
});
