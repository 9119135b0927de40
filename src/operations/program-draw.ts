/** Draws whole programs: main, and the functions behind it that it calls. */
import type { Draft } from '../language/argument.ts';
import { Class, FRAME_POINTER, Jump, Mode, Operation, Size, Source } from '../model/bpf/instruction.ts';
import type { ProgramCode } from './program-argument.ts';
import { CONTEXT, COUNTER, ProgramDraft } from './program-draft.ts';
import { drawStatements } from './program-statements.ts';

/** A whole program: main, and the functions that it calls. */
export function drawProgram({ random, sizeLean }: Draft, hasArena: boolean): ProgramCode {
  const main = new ProgramDraft(random, { hasArena, isMain: true });
  main.add(Class.ALU64 | Operation.MOV | Source.X, { dst: CONTEXT, src: 1 });
  drawStatements(main, random.between(2, 5 + Math.ceil(9 * sizeLean)));
  leaveResults(main);
  return link(main);
}

/** Stack slots and registers that hold numbers become words of the context and the result, so that a wrong one shows. */
function leaveResults(draft: ProgramDraft): void {
  const { random, scalars, slots } = draft;
  let word = random.below(CONTEXT_WORDS);
  const show = (src: number) => {
    draft.add(Class.STX | Mode.MEM | Size.DW, { dst: CONTEXT, src, offset: 8 * (word++ % CONTEXT_WORDS) });
  };
  for (const slot of slots) {
    if (!random.chance(0.5)) continue;
    draft.add(Class.LDX | Mode.MEM | Size.DW, { dst: COUNTER, src: FRAME_POINTER, offset: slot });
    show(COUNTER);
  }
  for (const register of scalars) if (random.chance(0.4)) show(register);
  const result = draft.scalar();
  if (result !== 0) draft.add(Class.ALU64 | Operation.MOV | Source.X, { dst: 0, src: result });
  draft.add(Class.JMP | Jump.EXIT);
}

/** The last word of the context counts tail calls. */
const CONTEXT_WORDS = 7;

/** Puts functions behind main and aims calls at them. */
function link({ code, functions }: ProgramDraft): ProgramCode {
  const program = [...code];
  for (const { calls, body } of functions) {
    for (const at of calls) program[at] = { ...program[at]!, immediate: program.length - (at + 1) };
    program.push(...body);
  }
  return program;
}
