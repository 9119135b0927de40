/**
 * Runs files of the public bpf_conformance suite, in the interpreter or as compiled code on the CPU. A file gives a program in assembly, the bytes r1
 * points to (their number in r2), and r0 or an error.
 */
import { fromHex } from '../base/bytes.ts';
import { hex, u64 } from '../base/word.ts';
import { assembleConformance } from '../model/bpf/conformance-assembly.ts';
import { AssemblyError } from '../model/bpf/conformance-operands.ts';
import { Class, decodeInstructions, type Instruction, Jump, Source } from '../model/bpf/instruction.ts';
import { PLAIN_MACHINE } from '../model/bpf/jit/machine.ts';
import { type Mode, runProgram } from './program-run.ts';

/** What a file asks for. */
interface ConformanceCase {
  readonly program: readonly Instruction[];
  readonly memory: Uint8Array;
  /** r0 at the end, or undefined when the program must not come to an end. */
  readonly result: bigint | undefined;
}

export type ConformanceVerdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly difference: string }
  | { readonly kind: 'skipped'; readonly reason: string };

/** Judges one file by its text. The reason to skip is always something the file itself asks for. */
export function runConformanceFile(text: string, mode: Mode): ConformanceVerdict {
  const sections = sectionsOf(text);
  if (sections.has('map')) return { kind: 'skipped', reason: 'it needs maps the loader creates' };
  let wanted: ConformanceCase;
  try {
    wanted = readCase(sections);
  } catch (error) {
    if (error instanceof AssemblyError || error instanceof SyntaxError)
      return { kind: 'failed', difference: error.message };
    throw error;
  }
  if (wanted.program.some(isCallThroughRegister)) {
    return { kind: 'skipped', reason: 'it calls through a register, which Linux has no instruction for' };
  }
  return judge(wanted, mode);
}

function judge({ program, memory, result }: ConformanceCase, mode: Mode): ConformanceVerdict {
  const ended = runProgram(program, memory, mode, PLAIN_MACHINE);
  if (ended.kind === 'failed') {
    return result === undefined ? { kind: 'passed' } : { kind: 'failed', difference: ended.reason };
  }
  if (ended.value === result) return { kind: 'passed' };
  const expected = result === undefined ? 'an error' : hex(result);
  return { kind: 'failed', difference: `r0 is ${hex(ended.value)} and should be ${expected}` };
}

function isCallThroughRegister({ opcode }: Instruction): boolean {
  return opcode === (Class.JMP | Jump.CALL | Source.X);
}

/** Sections by the name behind `--`; a name given twice keeps its last text. */
function sectionsOf(text: string): Map<string, string> {
  const sections = new Map<string, string>();
  let name: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const heading = /^--\s+(.*\S)\s*$/.exec(line);
    if (heading !== null) {
      name = heading[1]!;
      sections.set(name, '');
    } else if (name !== undefined) sections.set(name, `${sections.get(name)}${line}\n`);
  }
  return sections;
}

/** The program of a file. Throws an AssemblyError or a SyntaxError that says what cannot be read. */
export const conformanceProgram = (text: string): readonly Instruction[] => readCase(sectionsOf(text)).program;

/** The assembly is what runs; where raw words are given too they must be the same program. */
function readCase(sections: ReadonlyMap<string, string>): ConformanceCase {
  const raw = readRaw(sections.get('raw'));
  const assembly = sections.get('asm');
  const program = assembly === undefined ? raw : assembleConformance(assembly);
  if (program === undefined) throw new SyntaxError('the file has neither assembly nor raw words');
  if (raw !== undefined && JSON.stringify(raw) !== JSON.stringify(program)) {
    throw new SyntaxError('the raw words are another program than the assembly');
  }
  const memory = fromHex((sections.get('mem') ?? '').replace(/#.*/g, '').replace(/\s/g, ''));
  if (memory === undefined) throw new SyntaxError('the memory section is not made of bytes');
  const result = sections.has('error') ? undefined : readResult(sections.get('result'));
  return { program, memory, result };
}

/** 64-bit words in the order of the program, as numbers: the lowest byte is the opcode. */
function readRaw(text: string | undefined): Instruction[] | undefined {
  if (text === undefined) return undefined;
  const words = text.replace(/#.*/g, '').trim().split(/\s+/);
  const bytes = new Uint8Array(words.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setBigUint64(8 * index, BigInt(word), true);
  return decodeInstructions(bytes);
}

function readResult(text: string | undefined): bigint {
  const value = text?.replace(/#.*/g, '').trim();
  if (value === undefined || value === '') throw new SyntaxError('the file has no result');
  return u64(BigInt(value));
}
