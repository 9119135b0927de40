/**
 * Performs recorded compilations on the model: takes what the kernel's JIT was given, compiles it for the recorded machine
 * at the recorded addresses, and compares every byte of code and of exception tables. Nothing is masked.
 */
import { toHex } from '../base/bytes.ts';
import { Callee, Class, Jump, LD_IMM64, SLOT_BYTES, WideSource } from '../model/bpf/instruction.ts';
import { compile } from '../model/bpf/jit/compile.ts';
import { type JitMachine, kernelAddress } from '../model/bpf/jit/machine.ts';
import type { CompiledFunction, FunctionLink, JitFunction, JitProgram } from '../model/bpf/jit/program.ts';
import { populateTailCall } from '../model/bpf/jit/tail-call.ts';
import { type JitMeta, type JitRecord, type RecordedFunction, readJitRecord } from './jit-record.ts';
import { recordedMachine } from './jit-recorded-machine.ts';

/** One field of one case that came out otherwise than recorded. */
export interface Difference {
  readonly name: string;
  /** The function within the program. */
  readonly step: number;
  readonly field: string;
  readonly expected: string;
  readonly actual: string;
}

export interface ConformReport {
  /** Judged cases: passed + failed. */
  readonly cases: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** At most ten. */
  readonly firstFailures: readonly Difference[];
}

/** What one line came to: `undefined` reason and no differences means equal in every byte. */
export interface JudgedLine {
  readonly record: JitRecord;
  readonly skipped: string | undefined;
  readonly differences: readonly Difference[];
}

const MOST_FAILURES_SHOWN = 10;

/** Judges the lines of one recording. `file` is only for messages. Throws RecordingError for a line that can't be read. */
export function performJitRecording(lines: Iterable<string>, meta: JitMeta, file = 'recording'): ConformReport {
  let passed = 0;
  let failed = 0;
  const skipped: { name: string; reason: string }[] = [];
  const firstFailures: Difference[] = [];
  for (const { record, skipped: reason, differences } of judgeJitRecording(lines, meta, file)) {
    if (reason !== undefined) {
      skipped.push({ name: record.name, reason });
    } else if (differences.length === 0) {
      passed++;
    } else {
      failed++;
      if (firstFailures.length < MOST_FAILURES_SHOWN) firstFailures.push(differences[0]!);
    }
  }
  return { cases: passed + failed, passed, failed, skipped, firstFailures };
}

/** The same line by line, for whoever wants to count by class. Empty lines are passed over. */
export function* judgeJitRecording(lines: Iterable<string>, meta: JitMeta, file = 'recording'): Generator<JudgedLine> {
  let number = 0;
  for (const line of lines) {
    number++;
    if (line.trim() === '') continue;
    const where = `${file}:${number}`;
    const record = readJitRecord(line, where);
    const skipped = whyNotJudged(record);
    const differences = skipped === undefined ? judge(record, recordedMachine(record, meta, where)) : [];
    yield { record, skipped, differences };
  }
}

/** The recording says itself that it could not see what the JIT was given. */
function whyNotJudged(record: JitRecord): string | undefined {
  return record.note?.includes('not recoverable') ? record.note : undefined;
}

function judge(record: JitRecord, machine: JitMachine): Difference[] {
  const program = recordedProgram(record);
  const hidden = record.exception_cb;
  const places = [...record.funcs.map(({ addr }) => addr), ...(hidden ? [hidden.addr] : [])].map(kernelAddress);
  const result = compile(program, machine, (index) => places[index]!);
  if (result.kind === 'refused') {
    return [{ name: record.name, step: 0, field: 'jited', expected: toHex(record.jited), actual: result.reason }];
  }
  return [...differencesOf(record, result.functions)];
}

function* differencesOf(record: JitRecord, functions: readonly CompiledFunction[]): Generator<Difference> {
  let at = 0;
  for (const [step, recorded] of record.funcs.entries()) {
    const expected = record.jited.subarray(at, at + recorded.len);
    at += recorded.len;
    const compiled = functions[step]!;
    patchTailCalls(compiled, expected);
    yield* difference(record.name, step, 'jited', toHex(expected), toHex(compiled.code));
    const table = record.extable?.find(({ func }) => func === step);
    yield* difference(
      record.name,
      step,
      'extable',
      toHex(table?.bytes ?? new Uint8Array()),
      toHex(compiled.exceptionTable),
    );
    if (table !== undefined) {
      const behindCode = recorded.addr + BigInt((recorded.len + 3) & ~3);
      yield* difference(record.name, step, 'extable.addr', table.addr.toString(16), behindCode.toString(16));
    }
  }
  if (record.exception_cb !== undefined) {
    const { code } = functions[record.funcs.length]!;
    const seen = record.exception_cb.bytes48.subarray(0, code.length);
    yield* difference(
      record.name,
      record.funcs.length,
      'exception_cb',
      toHex(seen),
      toHex(code.subarray(0, seen.length)),
    );
  }
}

function* difference(
  name: string,
  step: number,
  field: string,
  expected: string,
  actual: string,
): Generator<Difference> {
  if (expected !== actual) yield { name, step, field, expected, actual };
}

/**
 * Code is read back after loading, when the slot of a direct tail call may have been filled; whether it was and with which
 * program is not in the file, so where the recording shows a jump its target is taken as the input of the patch. That the
 * site is there, and that the bypass was patched along with it, is compared like everything else.
 */
function patchTailCalls({ address, code, tailCalls }: CompiledFunction, recorded: Uint8Array): void {
  const view = new DataView(recorded.buffer, recorded.byteOffset, recorded.byteLength);
  for (const site of tailCalls) {
    if (site.resumeOffset > recorded.length || recorded[site.targetOffset] !== 0xe9) continue;
    populateTailCall(code, address, site, address + site.resumeOffset + view.getInt32(site.targetOffset + 1, true));
  }
}

/** What the verifier gave the JIT, cut into functions. */
function recordedProgram(record: JitRecord): JitProgram {
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

const NO_FRAME: Omit<JitFunction, 'code'> = {
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
