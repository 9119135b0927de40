import { resolve } from 'node:path';
import { toHex } from '../base/bytes.ts';
import { hex } from '../base/word.ts';
import { InputError } from '../language/input-error.ts';
import { printAssembly } from '../model/bpf/assembly-print.ts';
import { compileProgram, type PlacedProgram } from '../model/bpf/compile-program.ts';
import { decodeInstructions, LD_IMM64 } from '../model/bpf/instruction.ts';
import { ENTRY_BYTES } from '../model/bpf/jit/exception-table.ts';
import { addressOf } from '../model/bpf/jit/machine.ts';
import type { CompiledFunction } from '../model/bpf/jit/program.ts';
import { type DisassembledInstruction, disassemble } from '../report/disassembly.ts';
import { counted } from '../report/numbers.ts';
import { programInText } from './bpf-program.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL } from './exit-codes.ts';
import { inFile, readText } from './files.ts';
import { type MachineOptions, machineOf, machineOptions } from './jit-machine-options.ts';
import { isTraceOfPrograms, programsOfTrace } from './jit-trace.ts';
import type { Verb } from './verb.ts';

export const jitVerb: Verb = {
  name: 'jit',
  does: 'shows the x86-64 code that the JIT makes of a BPF program, beside each of its instructions',
  words: [
    {
      syntax: '<file>',
      does: "a program: bytes in hexadecimal, the kernel's disassembly, a bpf_conformance file; or a trace, which has its own kernel",
    },
  ],
  options: machineOptions,
  act: async (desk, words, options: MachineOptions) => show(desk, words[0]!, options),
};

function show(desk: Desk, path: string, options: MachineOptions): Answer {
  const text = inFile(path, () => readText(resolve(desk.surroundings.folder, path)));
  const { kernel, mitigations, programs } = isTraceOfPrograms(text)
    ? { mitigations: 'of the trace', ...programsOfTrace(desk, path) }
    : { ...options, programs: [compiled(text, path, options)] };
  const functions = programs.flatMap((placed, number) =>
    placed.functions.map((compiled, index) => ({ program: number + 1, ...listing(placed, compiled, index) })),
  );
  for (const { program, title, lines } of functions) {
    desk.say(programs.length > 1 ? `program ${program}, ${title}` : title);
    for (const { bpf, code } of lines) {
      desk.say(desk.colours.bold(bpf));
      for (const { offset, bytes, text } of code) {
        desk.say(`  ${hex(offset).padStart(6)}  ${toHex(bytes).padEnd(22)}  ${text}`);
      }
    }
    desk.say();
  }
  return { exitCode: ALL_WELL, document: { path, kernel, mitigations, functions: functions.map(asDocument) } };
}

function compiled(text: string, path: string, options: MachineOptions): PlacedProgram {
  const placed = compileProgram(
    inFile(path, () => programInText(text)),
    machineOf(options),
  );
  if (placed.kind === 'placed') return placed;
  throw new InputError(placed.reason, { file: path });
}

interface Listing {
  readonly compiled: CompiledFunction;
  readonly title: string;
  readonly lines: readonly Line[];
}

/** One instruction of the program that the JIT was given, or the prologue, and its code. */
interface Line {
  readonly bpf: string;
  /** Its index in the author's program; undefined for the prologue. */
  readonly instruction: number | undefined;
  readonly code: readonly DisassembledInstruction[];
}

/** The slots are those after the verifier's rewriting; numbers are the author's. */
function listing({ loaded }: PlacedProgram, compiled: CompiledFunction, index: number): Listing {
  const { address, code, exceptionTable, lineMap, passes } = compiled;
  const slots = decodeInstructions(loaded.functions[index]!.code) ?? [];
  const origins = loaded.origins[index]!;
  const x86 = disassemble(code, addressOf(address));
  const between = (from: number, to: number) => x86.filter(({ offset }) => offset >= from && offset < to);
  const lines: Line[] = [{ bpf: 'prologue', instruction: undefined, code: between(0, lineMap[0]!) }];
  for (let slot = 0; slot < slots.length; slot++) {
    const first = slot;
    if (slots[slot]!.opcode === LD_IMM64) slot++;
    const text = printAssembly(slots.slice(first, slot + 1), 'dump')
      .trim()
      .replace(/^\d+: /, '');
    const instruction = origins[first]!;
    const code = between(lineMap[first]!, lineMap[slot + 1]!);
    lines.push({ bpf: `${String(instruction).padStart(4)}: ${text}`, instruction, code });
  }
  const name = index === 0 ? 'main' : `function at instruction ${origins[0]}`;
  const entries = exceptionTable.length / ENTRY_BYTES;
  const noun = entries === 1 ? 'exception entry' : 'exception entries';
  const size = `${counted(code.length, 'byte')}, ${entries} ${noun}`;
  return { compiled, title: `${name}: ${size}, at ${hex(addressOf(address))} after ${passes} passes`, lines };
}

function asDocument({ program, compiled, lines }: Listing & { readonly program: number }) {
  return {
    program,
    address: addressOf(compiled.address),
    code: toHex(compiled.code),
    exceptionTable: toHex(compiled.exceptionTable),
    passes: compiled.passes,
    instructions: lines.map(({ bpf, instruction, code }) => ({
      instruction: instruction ?? null,
      bpf: bpf.trim(),
      code: code.map(({ offset, bytes, text }) => ({ offset, bytes: toHex(bytes), text })),
    })),
  };
}
