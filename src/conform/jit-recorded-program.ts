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
import { blindConstants } from '../model/bpf/jit/blinding.ts';
import type { JitMachine } from '../model/bpf/jit/machine.ts';
import type { JitBehaviour } from '../model/bpf/jit/profile.ts';
import type { FunctionLink, JitFunction, JitProgram } from '../model/bpf/jit/program.ts';
import type { JitRecord, RecordedFunction } from './jit-record.ts';

/** What the verifier gave the JIT, cut into functions. */
export function recordedProgram(record: JitRecord, { behaviour }: JitMachine): JitProgram {
  const input = record.jit_in ?? (record.xlated instanceof Uint8Array ? record.xlated : record.insns);
  const slots = decodeInstructions(input) ?? [];
  const ends = record.funcs.map((_, index) => record.funcs[index + 1]?.start ?? slots.length);
  const hidden = hasHiddenCallback(record);
  if (hidden) ends[ends.length - 1]! -= HIDDEN_CALLBACK_SLOTS;
  const codeEnds = runningSums(record.funcs.map(({ len }) => len));
  const functions = record.funcs.map((fn, index) => {
    const code = slots.slice(fn.start, ends[index]);
    const recorded = record.jited.subarray(codeEnds[index]! - fn.len, codeEnds[index]);
    const seen = { instructions: code, links: links(record, code) };
    const given = wasBlindedLater(record) ? blinded(code, seen.links, behaviour, recorded) : seen;
    return recordedFunction(record, fn, given.instructions, given.links);
  });
  if (hidden) functions.push(hiddenCallback(slots.slice(ends.at(-1))));
  const kernelStart = record.funcs[0]!.arena_kern;
  const arena = kernelStart === undefined ? undefined : { kernelStart, userStart: record.arena_user ?? 0n };
  return { functions, arena, wasClassic: false, loaderIsAdmin: true };
}

function runningSums(numbers: readonly number[]): number[] {
  let sum = 0;
  return numbers.map((number) => {
    sum += number;
    return sum;
  });
}

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

function recordedFunction(
  record: JitRecord,
  fn: RecordedFunction,
  instructions: readonly Instruction[],
  links: readonly FunctionLink[],
): JitFunction {
  return {
    code: encodeInstructions(instructions),
    stackDepth: fn.stack,
    tailCallReachable: fn.tcr !== 0,
    exceptionBoundary: fn === record.funcs[0] && record.exception_cb !== undefined,
    exceptionCallback: fn.addr === record.exception_cb?.addr,
    privateStack: fn.priv_frame_ptr,
    links,
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
 * Where each function of a program was blinded by itself, the recording shows the slots before that. The random halves are
 * then the only thing that is taken from the recorded code, in their order: the constant of every exclusive or with r10.
 */
function blinded(
  code: readonly Instruction[],
  links: readonly FunctionLink[],
  kernel: JitBehaviour,
  recorded: Uint8Array,
) {
  const randoms = blindingConstants(recorded);
  const { instructions, slots } = blindConstants(code, kernel, () => randoms.shift() ?? 0);
  return { instructions, links: links.map(({ slot, callee }) => ({ slot: slots[slot]!, callee })) };
}

/** xor r10, imm32 with or without REX.W; in the whole function r10 serves nothing else. */
function blindingConstants(code: Uint8Array): number[] {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const found: number[] = [];
  for (let at = 0; at + 7 <= code.length; at++) {
    if ((code[at]! & ~8) !== 0x41 || code[at + 1] !== 0x81 || code[at + 2] !== 0xf2) continue;
    found.push(view.getInt32(at + 3, true));
    at += 6;
  }
  return found;
}
