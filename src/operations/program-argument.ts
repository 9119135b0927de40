/** A BPF program as an argument: a block of trace text, one instruction a line in the words of the kernel's disassembler. */
import { type Argument, type Draft, Expected } from '../language/argument.ts';
import { parseAssembly } from '../model/bpf/assembly-parse.ts';
import { printAssembly } from '../model/bpf/assembly-print.ts';
import { Class, type Instruction, instruction, Jump, Operation } from '../model/bpf/instruction.ts';
import { simplerPrograms } from './program-simpler.ts';

export type ProgramCode = readonly Instruction[];

/** `draw` makes one from scratch. */
export function programArgument(draw: (draft: Draft) => ProgramCode): Argument<ProgramCode> {
  return {
    kind: 'value',
    draw,
    simpler: simplerPrograms,
    few: () => [SHORTEST],
    write: (program) => ({ kind: 'block', lines: printAssembly(program, 'plain').trimEnd().split('\n') }),
    read(syntax) {
      if (syntax.kind !== 'block') return new Expected('a block of BPF instructions');
      const parsed = parseAssembly(syntax.lines.join('\n'));
      return parsed.kind === 'program' ? parsed.instructions : new Expected(expected(parsed.message), parsed.line - 1);
    },
  };
}

/** The reader of traces says "expected" itself. */
const expected = (message: string): string => message.replace(/^expected /, '').replace(/, found .*$/, '');

/** `r0 = 0; exit`, the program that is tried first. */
export const SHORTEST: ProgramCode = [instruction(Class.ALU64 | Operation.MOV), instruction(Class.JMP | Jump.EXIT)];
