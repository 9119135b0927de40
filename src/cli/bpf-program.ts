/** BPF programs as people hand them over: bytes in hexadecimal, a conformance file, a trace, or the kernel's disassembly. */
import { fromHex } from '../base/bytes.ts';
import { conformanceProgram } from '../conform/bpf-conformance.ts';
import { InputError } from '../language/input-error.ts';
import { parseAssembly } from '../model/bpf/assembly-parse.ts';
import { AssemblyError } from '../model/bpf/conformance-operands.ts';
import { decodeInstructions, type Instruction, SLOT_BYTES } from '../model/bpf/instruction.ts';
import { malformationOf } from '../model/bpf/load.ts';

/** The program in a file's text, checked for form. Throws an InputError that names the line or the instruction. */
export function programInText(text: string): readonly Instruction[] {
  if (/^[\s0-9a-fA-FxX]*$/.test(text)) return programOfHex(text);
  return wellFormed(/^-- \w/m.test(text) ? conformance(text) : assembly(text));
}

/** A program from its bytes in hexadecimal, with or without spaces and 0x. Throws an InputError. */
export function programOfHex(text: string): readonly Instruction[] {
  const bytes = bytesOfHex(text, 'the program', (digits) => `; it ends inside instruction ${slotOf(digits / 2)}`);
  const program = decodeInstructions(bytes);
  if (program !== undefined) return wellFormed(program);
  const index = slotOf(bytes.length);
  throw new InputError(`instruction ${index} is cut off: it has ${bytes.length - index * SLOT_BYTES} of 8 bytes`);
}

const slotOf = (bytes: number): number => Math.floor(bytes / SLOT_BYTES);

/** Bytes in hexadecimal. `what` names them in the InputError, and `whereItEnds` says more of an odd number of digits. */
export function bytesOfHex(text: string, what: string, whereItEnds: (digits: number) => string = () => ''): Uint8Array {
  const digits = digitsOf(text);
  const bytes = fromHex(digits);
  if (bytes !== undefined) return bytes;
  const wrong = /[^0-9a-fA-F]/.exec(digits);
  if (wrong !== null)
    throw new InputError(`${what} has ${JSON.stringify(wrong[0])} where a hexadecimal digit should be`);
  throw new InputError(`${what} has an odd number of hexadecimal digits${whereItEnds(digits.length)}`);
}

const digitsOf = (text: string): string => text.replace(/\b0x/gi, '').replace(/\s+/g, '');

function wellFormed(program: readonly Instruction[]): readonly Instruction[] {
  const malformation = malformationOf(program);
  if (malformation === undefined) return program;
  throw new InputError(`instruction ${malformation.index}: ${malformation.message}`);
}

function conformance(text: string): readonly Instruction[] {
  try {
    return conformanceProgram(text);
  } catch (error) {
    if (error instanceof AssemblyError || error instanceof SyntaxError) throw new InputError(error.message);
    throw error;
  }
}

/** The first program block of a trace, or a text that is assembly as a whole. */
function assembly(text: string): readonly Instruction[] {
  const block = /^[^\n#]*\bprogram\s*\{[^\n]*\n([^}]*)\}/m.exec(text);
  const before = block === null ? 0 : text.slice(0, block.index).split('\n').length;
  const parsed = parseAssembly(block?.[1] ?? text);
  if (parsed.kind === 'program') return parsed.instructions;
  throw new InputError(parsed.message, { line: before + parsed.line, column: parsed.column });
}
