import { describe, expect, it } from 'vitest';
import { type Instruction, instruction, LD_IMM64 } from '../../src/model/bpf/instruction.ts';
import { compile } from '../../src/model/bpf/jit/compile.ts';
import { PLAIN_MACHINE } from '../../src/model/bpf/jit/machine.ts';
import { validate } from '../../src/model/bpf/validate.ts';
import { IMAGE, programOf } from './programs.ts';

const exit = instruction(0x95);

/** Valid packet loads and may_goto, all of which the verifier replaces before the JIT sees them. */
const REPLACED = [0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xe5];

/** An instruction with this opcode whose other fields suit it, wherever there are such fields. */
function slotsWith(opcode: number): Instruction[] {
  if (opcode === LD_IMM64) return [instruction(opcode), instruction(0)];
  return [instruction(opcode, { immediate: (opcode & 0xf7) === 0xd4 || opcode === 0xd7 ? 16 : 1 })];
}

describe('every opcode from 00 to ff', () => {
  it.each(Array.from({ length: 256 }, (_, opcode) => opcode))(
    'is compiled exactly when it is well-formed: %i',
    (opcode) => {
      const atomic = (opcode & 7) === 3 && ((opcode & 0xe0) === 0xc0 || (opcode & 0xe0) === 0xe0);
      const slots = slotsWith(opcode).map((slot) => (atomic ? { ...slot, immediate: 0x100 } : slot));
      const program = [...slots, exit, exit];
      const faults = validate(program, { verified: true }).filter(({ index }) => index === 0);
      const compiled = compile(programOf(program), PLAIN_MACHINE, () => IMAGE).kind === 'compiled';
      expect(compiled).toBe(faults.length === 0 && !REPLACED.includes(opcode));
    },
  );
});
