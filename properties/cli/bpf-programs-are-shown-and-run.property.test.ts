import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { wholeSuite } from '../../src/lab/suites/whole.ts';
import { documentOf, emptyFolder, roxcheck } from './in-process.ts';

/** Slots as bytes in hexadecimal: opcode, registers, offset and immediate as they lie in memory. */
const MOV_R0_5 = 'b700000005000000';
const EXIT = '9500000000000000';

describe('bpf-plugin', () => {
  it.each(['--jit', '--interpret'])('runs a program from standard input on the bytes given: %s', async (mode) => {
    const program = '71 10 01 00 00 00 00 00  0f 20 00 00 00 00 00 00  95 00 00 00 00 00 00 00';
    expect(await roxcheck(`bpf-plugin ${mode} aabb`, { input: program })).toMatchObject({ exitCode: 0, out: 'bd\n' });
  });

  const mistakes: readonly (readonly [what: string, program: string, message: RegExp])[] = [
    ['an odd number of digits', `${MOV_R0_5}950`, /odd number of hexadecimal digits; it ends inside instruction 1/],
    ['a cut instruction', `${MOV_R0_5}950000`, /^instruction 1 is cut off: it has 3 of 8 bytes/],
    ['a letter', `${MOV_R0_5}zz`, /has "z" where a hexadecimal digit should be/],
    ['an unknown opcode', `ff00000000000000${EXIT}`, /^instruction 0: unknown opcode ff/],
    ['a jump out', `0500050000000000${EXIT}`, /^instruction 0: a jump to slot 6, out of the program, which has 2/],
    [
      'a jump into a wide load',
      `050001000000000018000000000000000000000000000000${EXIT}`,
      /^instruction 0: a jump to slot 2, into the middle of a wide load/,
    ],
    ['nothing', '', /^instruction 0: the program is empty/],
    ['too much', MOV_R0_5.repeat(1_000_000) + EXIT, /^instruction 1000000: a program has at most 1000000 instructions/],
    ['no stack left', `7b0af0fd00000000${EXIT}`, /^instruction 0: the stack overflows/],
    ['no end', MOV_R0_5, /^instruction 0: the program runs past its end/],
    ['an unknown helper', `85000000ff000000${EXIT}`, /^instruction 0: helper 255 is not modelled/],
  ];
  it.each(mistakes)('names the instruction of %s', async (_, program, message) => {
    const { exitCode, out, err } = await roxcheck('bpf-plugin', { input: program });
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toMatch(message);
  });

  const failures: readonly (readonly [what: string, program: string, message: RegExp])[] = [
    ['an endless loop', `0500ffff00000000${EXIT}`, /^instruction 0 was not performed: .* used up the/],
    ['a wild access', `b70100000a0000007910000000000000${EXIT}`, /^instruction 1 reads .*at 0xa, where it may not/],
    ['endless recursion', `85100000ffffffff${EXIT}`, /^instruction 0.* calls? .*deeper than 8 functions/],
  ];
  it.each(failures)('tells where %s ended, in both modes', async (_, program, message) => {
    for (const mode of ['--jit', '--interpret']) {
      const { exitCode, out, err } = await roxcheck(`bpf-plugin ${mode}`, { input: program });
      expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
      expect(err).toMatch(message);
    }
  });
});

describe('jit', () => {
  it('shows the code of each instruction of a program in any of its forms', async () => {
    const folder = emptyFolder();
    const forms = {
      'a.hex': `${MOV_R0_5} ${EXIT}\n`,
      'a.txt': '0: (b7) r0 = 5\n1: (95) exit\n',
      'a.trace': 'kernel: 6.18\nprog1 = program {\n  r0 = 5\n  exit\n}\n',
      'a.data': '-- asm\nmov r0, 5\nexit\n-- result\n5\n',
    };
    const shown = new Set<string>();
    for (const [name, text] of Object.entries(forms)) {
      writeFileSync(join(folder, name), text);
      const ended = await roxcheck(`jit ${name}`, { folder });
      expect(ended.exitCode).toBe(0);
      shown.add(ended.out);
    }
    expect(shown.size).toBe(1);
    expect([...shown][0]).toMatch(/0: \(b7\) r0 = 5\n +0xc {2}b805000000 +mov eax,5\n +1: \(95\) exit/);
  });

  it('shows the programs of a trace with its arena and its fault', async () => {
    const trace = (kind: string) => `jit corpus/whole/${kind}-arena-stores-escape-blinding.trace`;
    const whole = { folder: process.cwd(), suites: [wholeSuite] };
    const bad = await roxcheck(trace('bad'), whole);
    expect(bad.out).toMatch(/\*\(arena u32 \*\)\(r5 \+0\) = 1235830\n.* mov dword \[r8\+r12\],12DB76h/);
    expect((await roxcheck(trace('good'), whole)).out).not.toContain('12DB76h');
    const refused = await roxcheck('jit corpus/whole/bad-cast-without-arena.trace', whole);
    expect(refused).toMatchObject({ exitCode: 2, out: '' });
    expect(refused.err).toMatch(/no step of the trace compiles a program/);
  });

  it('follows the kernel and its mitigations, and gives a document', async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'a.hex'), MOV_R0_5 + EXIT);
    const old = documentOf(await roxcheck('jit a.hex --kernel 6.1 --mitigations off --json', { folder }));
    expect(old.functions).toMatchObject([{ code: '0f1f44000066905548 89e5b805000000c9c3cc'.replace(' ', '') }]);
    expect(await roxcheck('jit a.hex --kernel 2.6', { folder })).toMatchObject({ exitCode: 2 });
  });

  it('names file, line and column of what cannot be read', async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'a.txt'), 'r0 = 5\nr0 ?= 6\nexit\n');
    expect((await roxcheck('jit a.txt', { folder })).err).toMatch(/^a\.txt:2:\d+: /);
  });
});

describe('bpf-conformance', () => {
  it('fails when one file fails, and names files that need what Linux lacks', async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'good.data'), '-- asm\nmov r0, 5\nexit\n-- result\n0x5\n');
    writeFileSync(join(folder, 'callx.data'), '-- asm\ncall %r2\nexit\n-- result\n0x5\n');
    expect(await roxcheck('bpf-conformance .', { folder })).toMatchObject({ exitCode: 0 });
    writeFileSync(join(folder, 'wrong.data'), '-- asm\nmov r0, 5\nexit\n-- result\n0x6\n');
    const ended = await roxcheck('bpf-conformance . --interpret', { folder });
    expect(ended.exitCode).toBe(1);
    expect(ended.out).toMatch(/wrong\.data +failed +r0 is 0x5 and should be 0x6/);
    expect(ended.out).toMatch(/callx\.data +skipped +it calls through a register/);
    expect(ended.out).toMatch(/1 of 3 files passed \(interpret\), 1 failed, 1 skipped/);
  });
});

describe('conform', () => {
  it('finds the companion of a recorded compilation and judges every line', async () => {
    const document = documentOf(
      await roxcheck('conform corpus/golden/kernels/jit-6.1.192-off.jsonl.gz --json', { folder: '.' }),
    );
    expect(document).toMatchObject({ exitCode: 0, files: [{ failed: 0, skipped: [] }] });
  });
});
