/** What a recorded compilation was given: the verified slots, cut into functions, with what is known about each. */
import { u64 } from '../base/word.ts';
import {
  Callee,
  Class,
  decodeInstructions,
  encodeInstructions,
  type Instruction,
  Jump,
  LD_IMM64,
  WideSource,
  wideValue,
} from '../model/bpf/instruction.ts';
import type { FunctionLink, JitFunction, JitProgram } from '../model/bpf/jit/program.ts';
import { type JitRecord, jitInput, type RecordedFunction } from './jit-record.ts';

/** What the verifier gave the JIT, cut into functions. */
export function recordedProgram(record: JitRecord): JitProgram {
  const slots = decodeInstructions(jitInput(record)) ?? [];
  const ends = record.funcs.map((_, index) => record.funcs[index + 1]?.start ?? slots.length);
  const hidden = hasHiddenCallback(record);
  if (hidden) ends[ends.length - 1]! -= HIDDEN_CALLBACK_SLOTS;
  const functions = record.funcs.map((fn, index) => recordedFunction(record, fn, slots.slice(fn.start, ends[index])));
  if (hidden) functions.push(hiddenCallback(slots.slice(ends.at(-1))));
  const kernelStart = record.funcs[0]!.arena_kern;
  const arena = kernelStart === undefined ? undefined : { kernelStart, userStart: record.arena_user ?? 0n };
  const blinding = wasBlindedLater(record) ? recordedRandoms(record.jited) : undefined;
  return { functions, arena, blinding, wasClassic: false, loaderIsAdmin: true };
}

/** The note says so; such a line has the slots before blinding. */
const wasBlindedLater = ({ note }: JitRecord): boolean => note?.includes('blinded separately') ?? false;

/** Whether exceptions land in a function that the kernel does not list among the program's. */
export const hasHiddenCallback = ({ exception_cb, funcs }: JitRecord): boolean =>
  exception_cb !== undefined && funcs.every(({ addr }) => addr !== exception_cb.addr);

/** The verifier appends `r0 = r1; exit` to a program that throws without a callback of its own (do_misc_fixups()). */
const HIDDEN_CALLBACK_SLOTS = 2;

/** A function of which nothing needs to be known. */
export const NO_FRAME: Omit<JitFunction, 'code'> = {
  stackDepth: 0,
  tailCallReachable: false,
  exceptionBoundary: false,
  exceptionCallback: false,
  privateStack: undefined,
  links: [],
};

const hiddenCallback = (slots: readonly Instruction[]): JitFunction => ({
  ...NO_FRAME,
  code: encodeInstructions(slots),
  exceptionCallback: true,
});

function recordedFunction(record: JitRecord, fn: RecordedFunction, instructions: readonly Instruction[]): JitFunction {
  return {
    code: encodeInstructions(instructions),
    stackDepth: fn.stack,
    tailCallReachable: fn.tcr !== 0,
    exceptionBoundary: fn === record.funcs[0] && record.exception_cb !== undefined,
    exceptionCallback: fn.addr === record.exception_cb?.addr,
    privateStack: fn.priv_frame_ptr,
    links: links(record, instructions),
  };
}

/** Calls and loads of addresses of the program's own functions: the slots that the verifier has already resolved. */
function links(record: JitRecord, code: readonly Instruction[]): FunctionLink[] {
  const byAddress = new Map(record.funcs.map(({ addr }, callee) => [addr, callee]));
  const found: FunctionLink[] = [];
  for (const [slot, { opcode, src, immediate }] of code.entries()) {
    let address: bigint | undefined;
    if (opcode === (Class.JMP | Jump.CALL) && src === Callee.FUNCTION)
      address = u64(record.call_base + BigInt(immediate));
    else if (opcode === LD_IMM64 && src === WideSource.FUNCTION) address = wideValue(code[slot]!, code[slot + 1]!);
    const callee = address === undefined ? undefined : byAddress.get(address);
    if (callee !== undefined) found.push({ slot, callee });
  }
  return found;
}

/**
 * Where each function of a program was blinded by itself, the recording shows the slots before that. The random numbers are
 * then the only thing that is taken from the recorded code, in their order: the constant of every xor r10, imm32. In such
 * programs r10 serves nothing else.
 */
function recordedRandoms(code: Uint8Array): () => number {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  let at = 0;
  return () => {
    for (; at + 7 <= code.length; at++) {
      const xor = (code[at]! & ~REX_W) === 0x41 && code[at + 1] === 0x81 && code[at + 2] === 0xf2;
      if (!xor) continue;
      at += 7;
      return view.getInt32(at - 4, true);
    }
    return 0;
  };
}

const REX_W = 8;
