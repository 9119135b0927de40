import { describe, expect, it } from 'vitest';
import { assembleConformance } from '../../src/model/bpf/conformance-assembly.ts';
import type { Instruction } from '../../src/model/bpf/instruction.ts';
import { describeStop } from '../../src/model/bpf/interpreter-stop.ts';
import { HELPERS } from '../../src/model/bpf/kernel-function.ts';
import { linkedProgram, type Program } from '../../src/model/bpf/program.ts';
import { interpreterFor } from './bpf-machine.ts';

const LOOP = 'L:\nja L';
const RECURSION = 'F:\ncall local F\nexit';

describe('a program', () => {
  it('says why and where it stopped, each way in words of its own', () => {
    const stops = [
      interpreterFor('mov r0, 7\nexit').run([]),
      interpreterFor('mov r1, 16\nldxdw r0, [r1+8]\nexit').run([]),
      interpreterFor(LOOP).run([], 100),
      interpreterFor(RECURSION).run([]),
      interpreterFor([{ opcode: 0xff, dst: 0, src: 0, offset: 0, immediate: 0 }]).run([]),
      interpreterFor('call 77\nexit').run([]),
      interpreterFor('mov r0, 0').run([]),
    ];
    expect(stops).toEqual([
      { kind: 'exit', value: 7n },
      { kind: 'memory-fault', at: 1, address: 24n, size: 8, write: false },
      { kind: 'out-of-fuel', at: 0 },
      { kind: 'calls-too-deep', at: 0, limit: 8 },
      { kind: 'unknown-instruction', at: 0, opcode: 0xff },
      { kind: 'unknown-call', at: 0, name: 'helper 77' },
      { kind: 'left-program', at: 1 },
    ]);
    const words = stops.map(describeStop);
    expect(new Set(words).size).toBe(stops.length);
    expect(words[1]).toBe('instruction 1 reads 8 byte(s) at 0x18, where it may not');
  });

  it('uses exactly the fuel it needs', () => {
    const interpreter = interpreterFor('mov r0, 1\nmov r0, 2\nexit');
    expect(interpreter.run([], 2)).toEqual({ kind: 'out-of-fuel', at: 2 });
    expect(interpreter.run([], 3)).toEqual({ kind: 'exit', value: 2n });
    expect(interpreter.performed).toBe(5);
  });

  it('stops only when it gets to an instruction that means nothing', () => {
    const bad: Instruction = { opcode: 0x18, dst: 0, src: 0, offset: 0, immediate: 0 };
    const program = [...assembleConformance('mov r0, 3\nexit'), bad];
    expect(interpreterFor(program).run([])).toEqual({ kind: 'exit', value: 3n });
  });
});

describe('calls', () => {
  it('give each function a stack of its own and r6 to r9 back', () => {
    const text = `mov r6, 6\nmov r9, 9\nstdw [r10-8], 1\nmov r1, 5\ncall local F\nldxdw r1, [r10-8]\nadd r0, r1\nadd r0, r6\nadd r0, r9\nexit
F:\nmov r6, 0\nmov r9, 0\nstdw [r10-8], 99\nmov r0, r1\nexit`;
    expect(interpreterFor(text).run([])).toEqual({ kind: 'exit', value: 21n });
  });

  it('call back into the program from a helper, which gets r0 and keeps the registers', () => {
    const address = 0xffff_ffff_c000_1234n;
    const program: Program = {
      ...linkedProgram(
        assembleConformance(
          'mov r6, 100\nmov r1, 4\ncall 1\nadd r0, r6\nexit\nF:\nmov r6, 1\nmov r0, r1\nadd r0, r2\nexit',
        ),
        () => (call) => {
          const first = call.callback(address, call.arguments[0]!, 10n);
          const second = call.callback(address, first!, 10n);
          return second;
        },
      ),
      functionAt: (asked) => (asked === address ? 5 : undefined),
    };
    expect(interpreterFor(program).run([])).toEqual({ kind: 'exit', value: 124n });
  });

  it('leave every function at once when one throws, through the exception callback', () => {
    const base = linkedProgram(
      assembleConformance(
        'mov r0, 1\ncall local F\nmov r0, 2\nexit\nF:\nmov r1, 70\ncall 9\nmov r0, 3\nexit\nmov r0, r1\nadd r0, 1000\nexit',
      ),
      () => HELPERS.get('bpf_throw'),
    );
    expect(interpreterFor(base).run([])).toEqual({ kind: 'exit', value: 70n });
    expect(interpreterFor({ ...base, exceptionCallback: 8 }).run([])).toEqual({ kind: 'exit', value: 1070n });
  });

  it('tail-call at most 33 times, and go on where there is no program', () => {
    const tailCall: Instruction = { opcode: 0xf5, dst: 0, src: 0, offset: 0, immediate: 0 };
    const [one, store, exit] = assembleConformance('mov r0, 1\nmov r3, 0\nexit') as [
      Instruction,
      Instruction,
      Instruction,
    ];
    const counted = [
      ...assembleConformance('ldxdw r6, [r1]\nadd r6, 1\nstxdw [r1], r6\nmov r2, 0'),
      store,
      tailCall,
      one,
      exit,
    ];
    const program = linkedProgram(counted);
    const data = 0xffff_8880_0000_0000n;
    const interpreter = interpreterFor(program, { tailCallTarget: () => program });
    expect(interpreter.run([data])).toEqual({ kind: 'exit', value: 1n });
    interpreter.port.load(0, Number(BigInt.asIntN(32, data >> 32n)), 8);
    expect(interpreter.port.lo).toBe(34);
    expect(interpreterFor(program).run([data])).toEqual({ kind: 'exit', value: 1n });
  });

  it('leave a may_goto loop when its budget is spent', () => {
    const mayGoto: Instruction = { opcode: 0xe5, dst: 0, src: 0, offset: 2, immediate: 0 };
    const [zero, add, back, exit] = assembleConformance('mov r0, 0\nadd r0, 1\nja -3\nexit') as Instruction[];
    const interpreter = interpreterFor([zero!, mayGoto, add!, back!, exit!]);
    expect(interpreter.run([])).toEqual({ kind: 'exit', value: 0xffffn });
    expect(interpreter.run([])).toEqual({ kind: 'exit', value: 0xffffn });
  });
});
