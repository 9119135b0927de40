/** What a recorded compilation was given: the verified slots, cut into functions, with what is known about each. */
import { Callee, Class, Jump, LD_IMM64, SLOT_BYTES, WideSource } from '../model/bpf/instruction.ts';
import type { FunctionLink, JitFunction, JitProgram } from '../model/bpf/jit/program.ts';
import type { JitRecord, RecordedFunction } from './jit-record.ts';

/** What the verifier gave the JIT, cut into functions. */
export function recordedProgram(record: JitRecord): JitProgram {
  const input = record.jit_in ?? (record.xlated instanceof Uint8Array ? record.xlated : record.insns);
  const hidden = record.exception_cb === undefined ? 0 : HIDDEN_CALLBACK_SLOTS;
  const total = input.length / SLOT_BYTES;
  const starts = [...record.funcs.map(({ start }) => start), ...(hidden > 0 ? [total - hidden] : [])];
  const code = (index: number) =>
    input.subarray(starts[index]! * SLOT_BYTES, (starts[index + 1] ?? total) * SLOT_BYTES);
  const functions = record.funcs.map((fn, index) => recordedFunction(record, fn, code(index), starts[index]!, index));
  if (hidden > 0) functions.push({ ...NO_FRAME, code: code(record.funcs.length), exceptionCallback: true });
  const kernelStart = record.funcs[0]!.arena_kern;
  const arena = kernelStart === undefined ? undefined : { kernelStart, userStart: record.arena_user ?? 0n };
  return { functions, arena, wasClassic: false, loaderIsAdmin: true };
}

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

function recordedFunction(
  record: JitRecord,
  fn: RecordedFunction,
  code: Uint8Array,
  start: number,
  index: number,
): JitFunction {
  return {
    code,
    stackDepth: fn.stack,
    tailCallReachable: fn.tcr !== 0,
    exceptionBoundary: index === 0 && record.exception_cb !== undefined,
    exceptionCallback: false,
    privateStack: fn.priv_frame_ptr,
    links: links(record, code, start),
  };
}

/** Calls and loads of addresses of the program's own functions, found by where they lead. */
function links(record: JitRecord, code: Uint8Array, start: number): FunctionLink[] {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const found: FunctionLink[] = [];
  for (let slot = 0; slot * SLOT_BYTES < code.length; slot++) {
    const opcode = view.getUint8(slot * SLOT_BYTES);
    const source = view.getUint8(slot * SLOT_BYTES + 1) >> 4;
    if (opcode === (Class.JMP | Jump.CALL) && source === Callee.FUNCTION) {
      const target = start + slot + 1 + view.getInt16(slot * SLOT_BYTES + 2, true);
      const callee = record.funcs.findIndex((fn) => fn.start === target);
      if (callee >= 0) found.push({ slot, callee });
    } else if (opcode === LD_IMM64) {
      if (source === WideSource.FUNCTION) {
        const low = BigInt(view.getUint32(slot * SLOT_BYTES + 4, true));
        const high = BigInt(view.getUint32((slot + 1) * SLOT_BYTES + 4, true));
        const callee = record.funcs.findIndex((fn) => fn.addr === ((high << 32n) | low));
        if (callee >= 0) found.push({ slot, callee });
      }
      slot++;
    }
  }
  return found;
}
