/**
 * From verified instructions to machine code (arch/x86/net/bpf_jit_comp.c:bpf_int_jit_compile(), kernel/bpf/verifier.c:
 * jit_subprogs()). Jumps are as short as their distances allow and distances are known only when all jumps are: so a
 * function is measured again and again until its length stays, and then written once more for good.
 *
 * A program of several functions is compiled twice: first with stand-ins for the addresses of its functions, and, when all
 * of them have a place, once more with the real ones in the same layout.
 */
import { roundUp } from '../../../base/word.ts';
import { Class, InternalMode } from '../instruction.ts';
import { blindFunction } from './blinding.ts';
import { emitFunction, type PassOptions, remeasureFunction } from './body.ts';
import { Emitter } from './emitter.ts';
import { ENTRY_BYTES, exceptionTableBytes } from './exception-table.ts';
import { FunctionContext, instructionWords } from './function-context.ts';
import { link, linkStandIns } from './link.ts';
import { cfiOffset, type JitMachine, type KernelAddress } from './machine.ts';
import type { CompiledFunction, CompiledProgram, JitProgram, JitRefusal, PlaceFunction } from './program.ts';

/** Compiles all functions of a program. `place` is asked once for each, in order. */
export function compile(program: JitProgram, machine: JitMachine, place: PlaceFunction): CompiledProgram | JitRefusal {
  const { functions, arena, blinding } = program;
  const options = passOptions(program, machine);
  const drafts: Draft[] = [];
  for (const [index, given] of functions.entries()) {
    const { fn, slots } =
      blinding === undefined ? { fn: given, slots: undefined } : blindFunction(given, machine.behaviour, blinding);
    const words = instructionWords(fn.code);
    linkStandIns(words, fn.links);
    const context = new FunctionContext(scratch, machine, fn, { arena, isSubprogram: index > 0, words });
    const passes = measure(context, options);
    if (context.refusal === undefined) {
      const { length } = scratch;
      write(context, options, place(index, length + tableRoom(context, length)));
    }
    if (context.refusal !== undefined) return context.refusal;
    drafts.push({ context, passes, slots });
  }
  return drafts.length === 1 ? { kind: 'compiled', functions: drafts.map(finished) } : relink(drafts, options, machine);
}

/** A function that is compiled and placed, but perhaps with stand-ins. */
interface Draft {
  readonly context: FunctionContext;
  readonly passes: number;
  /** Where the slots that were given went, when blinding moved them. */
  readonly slots: readonly number[] | undefined;
}

/** The extra pass over every function of a program, once all have their places; no instruction may change its length. */
function relink(drafts: readonly Draft[], options: PassOptions, machine: JitMachine): CompiledProgram | JitRefusal {
  const entries = drafts.map(({ context }) => context.image! + cfiOffset(machine));
  const functions: CompiledFunction[] = [];
  for (const draft of drafts) {
    const { context } = draft;
    link(context.words, context.fn.links, machine.callBase, (callee) => entries[callee]!);
    context.padding = true;
    write(context, options, context.image!);
    if (context.refusal !== undefined) return context.refusal;
    functions.push(finished(draft));
  }
  return { kind: 'compiled', functions };
}

/** Code is built here and copied out; compiling is synchronous, so one buffer serves all. */
const scratch = new Emitter();

/** Repeats passes until two have the same length. Returns how many it took; the context holds the layout. */
function measure(c: FunctionContext, options: PassOptions): number {
  const { most, firstPadded } = c.machine.decisions.passes;
  let length = -1;
  for (let pass = 0; pass < most; pass++) {
    c.padding = pass >= firstPadded;
    if (pass === 0) emitFunction(c, options);
    else remeasureFunction(c);
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

/** What the buffer holds after {@link write}. */
function finished({ context: c, passes, slots }: Draft): CompiledFunction {
  const code = c.emitter.bytes.slice(0, c.emitter.length);
  return {
    address: c.image!,
    code,
    exceptionTable: exceptionTableBytes(c.faults, code.length),
    faults: c.faults,
    tailCalls: c.tailCalls,
    lineMap: slots === undefined ? c.ends : Int32Array.from(slots, (slot) => c.ends[slot]!),
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

const passOptions = ({ wasClassic, loaderIsAdmin }: JitProgram, { branchHistory }: JitMachine): PassOptions => ({
  wasClassic,
  clearsBranchHistory: wasClassic && !loaderIsAdmin && (branchHistory.loop !== undefined || branchHistory.hardware),
});
