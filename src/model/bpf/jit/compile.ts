/**
 * From verified instructions to machine code (arch/x86/net/bpf_jit_comp.c:bpf_int_jit_compile(), kernel/bpf/verifier.c:
 * jit_subprogs()). Jumps are as short as their distances allow and distances are known only when all jumps are: so a
 * function is measured again and again until its length stays, and then written once more for good.
 *
 * A program of several functions is compiled twice: first with stand-ins for the addresses of its functions, and, when all
 * of them have a place, once more with the real ones in the same layout.
 */
import { roundUp } from '../../../base/word.ts';
import { Class, InternalMode, LD_IMM64 } from '../instruction.ts';
import { emitFunction, type PassOptions } from './body.ts';
import { Emitter } from './emitter.ts';
import { ENTRY_BYTES, exceptionTableBytes } from './exception-table.ts';
import { FunctionContext, instructionWords } from './function-context.ts';
import { cfiOffset, type JitMachine, type KernelAddress } from './machine.ts';
import type {
  CompiledFunction,
  CompiledProgram,
  FunctionLink,
  JitProgram,
  JitRefusal,
  PlaceFunction,
} from './program.ts';

/** Compiles all functions of a program. `place` is asked once for each, in order. */
export function compile(program: JitProgram, machine: JitMachine, place: PlaceFunction): CompiledProgram | JitRefusal {
  const { functions, arena } = program;
  const options = passOptions(program, machine);
  const several = functions.length > 1;
  const contexts: FunctionContext[] = [];
  const passes: number[] = [];
  for (const [index, fn] of functions.entries()) {
    const words = instructionWords(fn.code);
    if (several) link(words, fn.links, STAND_INS);
    const c = new FunctionContext(scratch, machine, fn, { arena, isSubprogram: index > 0, words });
    passes.push(measure(c, options));
    if (c.refusal === undefined) write(c, options, place(index, scratch.length + tableRoom(c, scratch.length)));
    if (c.refusal !== undefined) return c.refusal;
    contexts.push(c);
    if (!several) return { kind: 'compiled', functions: [finished(c, passes[0]!)] };
  }
  const entries = contexts.map((c) => c.image! + cfiOffset(machine));
  const compiled: CompiledFunction[] = [];
  for (const [index, c] of contexts.entries()) {
    link(c.words, c.fn.links, {
      call: (callee) => entries[callee]! - machine.callBase,
      address: (callee) => entries[callee]!,
    });
    c.padding = true;
    write(c, options, c.image!);
    if (c.refusal !== undefined) return c.refusal;
    compiled.push(finished(c, passes[index]!));
  }
  return { kind: 'compiled', functions: compiled };
}

/** Code is built here and copied out; compiling is synchronous, so one buffer serves all. */
const scratch = new Emitter();

/** Repeats passes until two have the same length. Returns how many it took; the context holds the layout. */
function measure(c: FunctionContext, options: PassOptions): number {
  const { most, firstPadded } = c.machine.decisions.passes;
  let length = -1;
  for (let pass = 0; pass < most; pass++) {
    c.padding = pass >= firstPadded;
    emitFunction(c, options);
    if (c.refusal !== undefined) return pass + 1;
    if (c.emitter.length === length) {
      c.padding = pass + 1 >= firstPadded;
      return pass + 1;
    }
    length = c.emitter.length;
  }
  c.refuse('ENOTSUPP', `the length still changes after ${most} passes`);
  return most;
}

/** The pass that counts: into the image at its final address. */
function write(c: FunctionContext, options: PassOptions, image: KernelAddress): void {
  c.image = image;
  c.faults = [];
  c.tailCalls = [];
  emitFunction(c, options);
}

function finished(c: FunctionContext, passes: number): CompiledFunction {
  const code = c.emitter.bytes.slice(0, c.emitter.length);
  return {
    address: c.image!,
    code,
    exceptionTable: exceptionTableBytes(c.faults, code.length),
    faults: c.faults,
    tailCalls: c.tailCalls,
    lineMap: c.ends,
    passes,
  };
}

/** Bytes behind the code that its exception table takes, alignment included. */
function tableRoom(c: FunctionContext, length: number): number {
  let entries = 0;
  for (let i = 0; i < c.words.length; i += 2) if (mayFault(c.words[i]!)) entries++;
  return roundUp(length, 4) - length + entries * ENTRY_BYTES;
}

/** Whether the verifier counted the instruction as one with an exception entry (aux->num_exentries). */
function mayFault(word: number): boolean {
  const mode = word & 0xe0;
  switch (word & 7) {
    case Class.LDX:
      return (
        mode === InternalMode.PROBE_MEM ||
        mode === InternalMode.PROBE_MEMSX ||
        inArena(mode) ||
        mode === InternalMode.PROBE_MEM32SX
      );
    case Class.ST:
      return inArena(mode);
    case Class.STX:
      return inArena(mode) || mode === InternalMode.PROBE_ATOMIC;
    default:
      return false;
  }
}

const inArena = (mode: number): boolean => mode === InternalMode.PROBE_MEM32;

interface Linker {
  readonly call: (callee: number) => number;
  readonly address: (callee: number) => KernelAddress;
}

/** MODULES_VADDR as the address, so that a constant that depends on it already has its final length. */
const STAND_INS: Linker = { call: () => 1, address: () => -0x40000000 };

function link(words: Int32Array, links: readonly FunctionLink[], linker: Linker): void {
  for (const { slot, callee } of links) {
    if ((words[2 * slot]! & 0xff) === LD_IMM64) {
      const address = linker.address(callee);
      words[2 * slot + 1] = address | 0;
      words[2 * slot + 3] = Math.floor(address / 2 ** 32);
    } else {
      words[2 * slot + 1] = linker.call(callee);
    }
  }
}

const passOptions = ({ wasClassic, loaderIsAdmin }: JitProgram, { branchHistory }: JitMachine): PassOptions => ({
  wasClassic,
  clearsBranchHistory: wasClassic && !loaderIsAdmin && (branchHistory.loop !== undefined || branchHistory.hardware),
});
