/**
 * Performs recorded compilations on the model: takes what the kernel's JIT was given, compiles it for the recorded machine
 * at the recorded addresses, and compares every byte of code and of exception tables. Nothing is masked.
 */
import { toHex } from '../base/bytes.ts';
import { SLOT_BYTES } from '../model/bpf/instruction.ts';
import { compile } from '../model/bpf/jit/compile.ts';
import { type JitMachine, kernelAddress } from '../model/bpf/jit/machine.ts';
import type { CompiledFunction } from '../model/bpf/jit/program.ts';
import { populateTailCall } from '../model/bpf/jit/tail-call.ts';
import { type JitMeta, type JitRecord, type RecordedFunction, readJitRecord } from './jit-record.ts';
import { recordedFilter } from './jit-recorded-filter.ts';
import { recordedMachine } from './jit-recorded-machine.ts';
import { hasHiddenCallback, recordedProgram } from './jit-recorded-program.ts';

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
interface JudgedLine {
  readonly record: JitRecord;
  readonly skipped: string | undefined;
  readonly differences: readonly Difference[];
}

export interface ConformOptions {
  /** The name of the recording, for messages. */
  readonly file?: string;
  /** Changes the recorded machine, to ask whether the recording would notice. */
  readonly alter?: (machine: JitMachine) => JitMachine;
}

const MOST_FAILURES_SHOWN = 10;

/** The class of recorded filters in classic BPF. */
const CLASSIC = 'cbpf';

/** Judges the lines of one recording. Throws RecordingError for a line that can't be read. */
export function performJitRecording(
  lines: Iterable<string>,
  meta: JitMeta,
  options: ConformOptions = {},
): ConformReport {
  let passed = 0;
  let failed = 0;
  const skipped: { name: string; reason: string }[] = [];
  const firstFailures: Difference[] = [];
  for (const { record, skipped: reason, differences } of judgeLines(lines, meta, options)) {
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

/** The same line by line. Empty lines are passed over. */
function* judgeLines(
  lines: Iterable<string>,
  meta: JitMeta,
  { file = 'recording', alter = (machine) => machine }: ConformOptions = {},
): Generator<JudgedLine> {
  let number = 0;
  for (const line of lines) {
    number++;
    if (line.trim() === '') continue;
    const where = `${file}:${number}`;
    const record = readJitRecord(line, where);
    const skipped = whyNotJudged(record);
    const differences = skipped === undefined ? judge(record, meta, alter(recordedMachine(record, meta, where))) : [];
    yield { record, skipped, differences };
  }
}

/** The line says itself that what the JIT was given is not known and cannot be reconstructed. */
function whyNotJudged({ cls, note, insns, xlated, jit_in }: JitRecord): string | undefined {
  if (cls === CLASSIC) return undefined;
  if (jit_in === undefined && xlated === null) return 'the line has neither jit_in nor xlated';
  if (insns.length % SLOT_BYTES !== 0) return 'insns are no whole instructions';
  return note?.includes('not recoverable') && !note.includes('blinded separately') ? note : undefined;
}

function judge(record: JitRecord, meta: JitMeta, machine: JitMachine): Difference[] {
  const program = record.cls === CLASSIC ? recordedFilter(record, machine, meta) : recordedProgram(record);
  const hidden = hasHiddenCallback(record) ? record.exception_cb : undefined;
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
    const compiled = functions[step]!;
    const expected = recordedCode(record, at, recorded, compiled.code.length);
    at += recorded.len;
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
  if (record.exception_cb !== undefined && hasHiddenCallback(record)) {
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

/**
 * Of a classic filter the recording has the memory it was placed in, from which the code was cut where trap bytes begin; so a
 * trap byte that belongs to the code is found there.
 */
function recordedCode(
  { jited, pack }: JitRecord,
  at: number,
  { addr, len }: RecordedFunction,
  compiled: number,
): Uint8Array {
  if (pack === undefined) return jited.subarray(at, at + len);
  const start = Number(addr - pack.ro_header);
  return pack.raw.subarray(start, start + Math.max(len, compiled));
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
