/**
 * The shape of one recorded compilation: a line of a `jit-*.jsonl` file (a program, what the kernel made of it, and what it
 * did when run), and the companion that describes the kernel. Reading is strict about what the comparison needs and
 * indifferent to the rest; what is malformed is an InputError with the line and the field.
 */
import * as v from 'valibot';
import { fromHex } from '../base/bytes.ts';
import { InputError, type Place } from '../language/input-error.ts';
import type { RecordedLine } from './recording.ts';

const address = v.pipe(
  v.string(),
  v.regex(/^0x[0-9a-f]{1,16}$/, 'expected an address such as 0xffffffffc0025c14'),
  v.transform((text) => BigInt(text)),
);

const bytes = v.pipe(
  v.string(),
  v.check((text) => fromHex(text) !== undefined, 'expected pairs of hexadecimal digits'),
  v.transform((text) => fromHex(text) as Uint8Array),
);

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const recordedFunction = v.object({
  addr: address,
  len: count,
  start: v.optional(count, 0),
  stack: v.optional(count, 0),
  tcr: v.optional(count, 0),
  arena_kern: v.optional(address),
  priv_frame_ptr: v.optional(address),
});

const record = v.object({
  name: v.string(),
  cls: v.string(),
  prog_type: v.union([v.number(), v.string()]),
  insns: bytes,
  xlated: v.optional(v.nullable(v.union([v.literal('='), bytes]))),
  jit_in: v.optional(bytes),
  jited: bytes,
  funcs: v.pipe(v.array(recordedFunction), v.minLength(1)),
  call_base: address,
  ret_thunk: address,
  kernel: v.string(),
  mitigation: v.optional(v.string()),
  note: v.optional(v.string()),
  arena_user: v.optional(address),
  this_cpu_off32: v.optional(v.union([v.number(), address])),
  extable: v.optional(v.array(v.object({ func: count, addr: address, bytes })), []),
  exception_cb: v.optional(v.object({ addr: address, bytes48: bytes })),
  calls: v.optional(v.array(v.object({ imm: v.number(), addr: address, sym: v.string() })), []),
  maps: v.optional(v.array(v.object({ type: count, kptr: address, val: address })), []),
  ret: v.nullish(count),
  ctx_len: v.optional(count, 256),
  ctx_diff: v.optional(v.object({ off: count, bytes })),
  pack: v.optional(v.object({ ro_header: address, size: count, raw: bytes })),
});

export type JitRecord = v.InferOutput<typeof record>;
export type RecordedFunction = JitRecord['funcs'][number];

/** Whether an object is a line of such a recording. */
export const isJitRecord = (line: RecordedLine): boolean => 'jited' in line && 'insns' in line && 'call_base' in line;

/** Reads one line; `number` counts from 1. Throws an InputError that names the line and the field that is wrong. */
export function readJitRecord(line: RecordedLine, number: number): JitRecord {
  return read(record, line, { line: number });
}

/** What the JIT was given: the instructions after verification, with everything the dump hides restored. */
export function jitInput({ jit_in, xlated, insns }: JitRecord): Uint8Array {
  return jit_in ?? (xlated instanceof Uint8Array ? xlated : insns);
}

const symbols = v.record(v.string(), v.string());

const boot = v.object({
  uname: v.optional(v.string()),
  kallsyms: symbols,
  'trivial_program_bytes (r0 = 0; exit)': v.optional(v.string()),
  return: v.optional(v.string()),
  'targets_outside_the_image_of_tailcall/indirect_pop0_s0_c0': v.optional(v.array(v.string())),
});

const meta = v.object({
  kernel: v.string(),
  struct_offsets: v.record(v.string(), v.unknown()),
  /** A guest kernel: one boot for every set of mitigations. */
  jit: v.optional(v.record(v.string(), boot)),
  /** A host kernel: one boot. */
  kallsyms: v.optional(symbols),
  constants: v.optional(v.record(v.string(), v.unknown())),
});

export type JitMeta = v.InferOutput<typeof meta>;
export type RecordedBoot = v.InferOutput<typeof boot>;

/** Reads the companion that tells what all lines of a file share. Throws an InputError that names the field. */
export function readJitMeta(object: RecordedLine, file: string): JitMeta {
  return read(meta, object, { file });
}

/**
 * Whether the companion describes the kernel and the boot a line was recorded on. A host's companion has the line's release
 * as its name; a guest's has it in the uname of each boot.
 */
export function describesRecording({ kernel, jit }: JitMeta, record: JitRecord): boolean {
  if (jit === undefined) return kernel === record.kernel;
  const release = record.kernel.split(' ')[0]!;
  return jit[record.mitigation ?? '']?.uname?.split(' ').includes(release) ?? false;
}

function read<Schema extends v.GenericSchema>(
  schema: Schema,
  object: RecordedLine,
  place: Place,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, object);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new InputError(`${v.getDotPath(issue) ?? 'the object'}: ${issue.message}`, place);
}
