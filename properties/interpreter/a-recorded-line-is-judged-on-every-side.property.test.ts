import { describe, expect, it } from 'vitest';
import { type JitRecord, readJitRecord } from '../../src/conform/jit-record.ts';
import { JitRuns } from '../../src/conform/jit-run.ts';
import { PLAIN_MACHINE } from '../../src/model/bpf/jit/machine.ts';

const IMAGE = 0xffff_ffff_c000_1004n;
const RETURN_THUNK = 0xffff_ffff_8220_57e0n;
const PROLOGUE = '0f1f4400000f1f00554889e5';

/** A line of the recording's form: r0 = 5, one byte of the context written, exit; with the code the JIT makes of it. */
function line(changes: { readonly ret?: number; readonly code?: string; readonly contextByte?: string } = {}) {
  const body = changes.code ?? 'b805000000 c6470377';
  const code = PROLOGUE + body.replace(/\s/g, '');
  const jump = Buffer.alloc(4);
  const length = code.length / 2 + 6;
  jump.writeInt32LE(Number(RETURN_THUNK - (IMAGE + BigInt(length))));
  return readJitRecord(
    {
      name: 'made/up',
      cls: 'made',
      prog_type: 31,
      insns: 'b70000000500000072010300770000009500000000000000',
      xlated: '=',
      jited: `${code}c9e9${jump.toString('hex')}`,
      funcs: [{ addr: `0x${IMAGE.toString(16)}`, len: length, start: 0 }],
      ret: changes.ret ?? 5,
      ctx_diff: { off: 3, bytes: changes.contextByte ?? '77' },
      call_base: '0xffffffff814cc810',
      ret_thunk: `0x${RETURN_THUNK.toString(16)}`,
      kernel: '6.18.44',
    },
    1,
  );
}

const judge = (record: JitRecord) =>
  new JitRuns({ dataOffset: 200, lengthOffset: 112, fragmentLengthOffset: 116 }).judge(record, PLAIN_MACHINE);

describe('a recorded line', () => {
  it('is equal when the kernel, the interpreter and the CPU agree', () => {
    expect(judge(line())).toMatchObject({ kind: 'equal', performed: 3, retired: 9 });
  });

  it('differs by the interpreter when the kernel returned or wrote something else', () => {
    expect(judge(line({ ret: 6 }))).toEqual({
      kind: 'different',
      by: 'interpreter',
      field: 'ret',
      expected: '0x6',
      actual: '0x5',
    });
    expect(judge(line({ contextByte: '78' }))).toEqual({
      kind: 'different',
      by: 'interpreter',
      field: 'ctx_diff',
      expected: '0x78 at byte 3',
      actual: '0x77 at byte 3',
    });
  });

  it('differs by the CPU when the code does something else: another value, a lost register, a fault', () => {
    const differences = ['b806000000 c6470377', 'b805000000 c6470378', 'b805000000 c6470377 31db', 'b805000000 f4'].map(
      (code) => judge(line({ code })),
    );
    expect(differences).toEqual([
      { kind: 'different', by: 'CPU', field: 'ret', expected: '0x5', actual: '0x6' },
      { kind: 'different', by: 'CPU', field: 'ctx_diff', expected: '0x77 at byte 3', actual: '0x78 at byte 3' },
      { kind: 'different', by: 'CPU', field: 'ret', expected: '0x5', actual: '{"kind":"clobbered","register":"rbx"}' },
      {
        kind: 'different',
        by: 'CPU',
        field: 'ret',
        expected: '0x5',
        actual: '{"kind":"stopped","stop":{"kind":"invalid-opcode","at":"0xffffffffc0001015"}}',
      },
    ]);
  });
});
