import { describe, expect, it } from 'vitest';
import { Class, type Instruction, instruction, Jump, Mode, Size } from '../../src/model/bpf/instruction.ts';
import { compile } from '../../src/model/bpf/jit/compile.ts';
import { type JitMachine, kernelAddress, PLAIN_MACHINE } from '../../src/model/bpf/jit/machine.ts';
import { IMAGE, programOf } from './programs.ts';

const exit = instruction(Class.JMP | Jump.EXIT);
const loadZero = instruction(0xb4, { dst: 0 });
const jumpTo = (offset: number) => instruction(Class.JMP | Jump.JA, { offset });
/** Additions to rbx, whose length on x86 depends on the immediate. */
const sevenBytes = instruction(0x07, { dst: 6, immediate: 0x1000 });
const fourBytes = instruction(0x07, { dst: 6, immediate: 1 });
const repeat = (times: number, slot: Instruction): Instruction[] => Array.from({ length: times }, () => slot);

const passesOf = (slots: readonly Instruction[], machine: JitMachine = PLAIN_MACHINE) => {
  const result = compile(programOf(slots), machine, () => IMAGE);
  if (result.kind === 'refused') return result;
  return result.functions[0]!.passes;
};

/** Jumps that each become short only one pass after the next one did: every jump spans `bytes` of code and the next jump. */
function chain(links: number, fillers: number): Instruction[] {
  const slots: Instruction[] = [loadZero];
  for (let i = 0; i < links; i++)
    slots.push(instruction(0x15, { dst: 1, offset: fillers + 1, immediate: i + 1 }), ...repeat(fillers, sevenBytes));
  return [...slots, loadZero, loadZero, exit];
}

describe('the passes over a function', () => {
  it('are two when no jump has to wait for another', () => {
    expect(passesOf([loadZero, exit])).toBe(2);
  });

  it('are more when a jump becomes short only after others did, and stay within the limit', () => {
    const counts = [1, 2, 3, 5, 8, 13, 18, 25].map((links) => passesOf(chain(links, 17)));
    for (const passes of counts) expect(passes).toBeLessThanOrEqual(20);
    expect(counts).toEqual([...counts].sort((a, b) => Number(a) - Number(b)));
    expect(Number(counts.at(-1))).toBeGreaterThan(2);
  });

  it('make a jump over 123 bytes short and one over 124 bytes long', () => {
    const lengthOfJumpOver = (fill: readonly Instruction[]) => {
      const result = compile(programOf([loadZero, jumpTo(fill.length), ...fill, exit]), PLAIN_MACHINE, () => IMAGE);
      if (result.kind === 'refused') throw new Error(result.reason);
      const { lineMap } = result.functions[0]!;
      return { over: lineMap[2 + fill.length]! - lineMap[2]!, bytes: lineMap[2]! - lineMap[1]! };
    };
    expect(lengthOfJumpOver([...repeat(17, sevenBytes), fourBytes])).toEqual({ over: 123, bytes: 2 });
    expect(lengthOfJumpOver([...repeat(16, sevenBytes), ...repeat(3, fourBytes)])).toEqual({ over: 124, bytes: 5 });
  });

  it('end in a refusal, with the reason, for what the kernel has no code for', () => {
    expect(passesOf([instruction(0xff), exit])).toEqual({
      kind: 'refused',
      errno: 'EINVAL',
      reason: 'unknown opcode ff',
    });
    expect(passesOf([instruction(Class.JMP | Jump.CALL), exit])).toMatchObject({ kind: 'refused', errno: 'EINVAL' });
    const narrowAdd = instruction(Class.STX | Mode.ATOMIC | Size.H, { dst: 10, src: 1, offset: -8 });
    expect(passesOf([narrowAdd, exit])).toMatchObject({ kind: 'refused', errno: 'EFAULT' });
    expect(passesOf([exit, instruction(0x18)])).toMatchObject({ kind: 'refused', errno: 'EINVAL' });
    expect(passesOf([jumpTo(7), exit])).toMatchObject({
      kind: 'refused',
      reason: 'the jump of slot 0 leaves the function',
    });
    const stackArgument = instruction(0x7a, { dst: 11, offset: -8 });
    const machine = { ...PLAIN_MACHINE, behaviour: { ...PLAIN_MACHINE.behaviour, auxiliaryRegister: 12 as const } };
    expect(passesOf([stackArgument, exit], machine)).toMatchObject({ kind: 'refused', errno: 'ENOTSUPP' });
  });

  it('end in a refusal when a callee is out of reach', () => {
    const far = { ...PLAIN_MACHINE, callBase: kernelAddress(0xffff888000000000n) };
    const call = instruction(Class.JMP | Jump.CALL, { immediate: 8 });
    expect(passesOf([call, exit], far)).toMatchObject({ kind: 'refused', errno: 'EINVAL' });
  });
});
