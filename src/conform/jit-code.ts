/** Compiles a recorded program for the recorded machine and compares every byte with what the kernel's JIT emitted. */
import { toHex } from '../base/bytes.ts';
import { compile } from '../model/bpf/jit/compile.ts';
import { type JitMachine, kernelAddress } from '../model/bpf/jit/machine.ts';
import type { CompiledFunction, CompiledProgram, JitRefusal } from '../model/bpf/jit/program.ts';
import { populateTailCall } from '../model/bpf/jit/tail-call.ts';
import type { JitMeta, JitRecord, RecordedFunction } from './jit-record.ts';
import { recordedFilter } from './jit-recorded-filter.ts';
import { hasHiddenCallback, recordedProgram } from './jit-recorded-program.ts';
import type { Difference } from './recording.ts';

/** The program compiled for the recorded machine at the recorded addresses, a callback that exceptions land in last. */
export function compileRecorded(record: JitRecord, meta: JitMeta, machine: JitMachine): CompiledProgram | JitRefusal {
  const program = record.prog_type === CLASSIC_TYPE ? recordedFilter(record, machine, meta) : recordedProgram(record);
  const hidden = hasHiddenCallback(record) ? record.exception_cb : undefined;
  const places = [...record.funcs.map(({ addr }) => addr), ...(hidden ? [hidden.addr] : [])].map(kernelAddress);
  return compile(program, machine, (index) => places[index]!);
}

/** The first field in which the compiled program differs; its step is the function within the program. */
export function codeDifference(record: JitRecord, result: CompiledProgram | JitRefusal): Difference | undefined {
  if (result.kind === 'refused') {
    return { name: record.name, step: 0, field: 'jited', expected: toHex(record.jited), actual: result.reason };
  }
  for (const difference of differencesOf(record, result.functions)) return difference;
  return undefined;
}

/** The recorded type of filters in classic BPF, which are no type of program. */
export const CLASSIC_TYPE = 'classic';

function* differencesOf(record: JitRecord, functions: readonly CompiledFunction[]): Generator<Difference> {
  let at = 0;
  for (const [step, recorded] of record.funcs.entries()) {
    const compiled = functions[step]!;
    const expected = recordedCode(record, at, recorded, compiled.code.length);
    at += recorded.len;
    patchTailCalls(compiled, expected);
    yield* difference(record.name, step, 'jited', toHex(expected), toHex(compiled.code));
    const table = record.extable.find(({ func }) => func === step);
    const tableBytes = toHex(table?.bytes ?? new Uint8Array());
    yield* difference(record.name, step, 'extable', tableBytes, toHex(compiled.exceptionTable));
    if (table !== undefined) {
      const behindCode = recorded.addr + BigInt((recorded.len + 3) & ~3);
      yield* difference(record.name, step, 'extable.addr', table.addr.toString(16), behindCode.toString(16));
    }
  }
  if (record.exception_cb !== undefined && hasHiddenCallback(record)) {
    const { code } = functions[record.funcs.length]!;
    const seen = record.exception_cb.bytes48.subarray(0, code.length);
    const compiled = toHex(code.subarray(0, seen.length));
    yield* difference(record.name, record.funcs.length, 'exception_cb', toHex(seen), compiled);
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
