/**
 * The shape of one recorded compilation: a line of a `jit-*.jsonl` file, and the companion that describes the kernel.
 * Reading is strict about what the comparison needs and indifferent to the rest; messages name file and line.
 */
import * as v from 'valibot';
import { fromHex } from '../base/bytes.ts';

/** The recording, not the model, is at fault: a field is missing or malformed. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
}

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
  extable: v.optional(v.array(v.object({ func: count, addr: address, bytes }))),
  exception_cb: v.optional(v.object({ addr: address, bytes48: bytes })),
  calls: v.optional(v.array(v.object({ addr: address }))),
  pack: v.optional(v.object({ ro_header: address, size: count, raw: bytes })),
});

export type JitRecord = v.InferOutput<typeof record>;
export type RecordedFunction = JitRecord['funcs'][number];

/** Reads one line. `where` is `file:line`. Throws {@link RecordingError}. */
export function readJitRecord(line: string, where: string): JitRecord {
  return readJson(record, line, where);
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

/** Reads the companion that tells what all lines of a file share. `where` is its file name. */
export function readJitMeta(text: string, where: string): JitMeta {
  return readJson(meta, text, where);
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

function readJson<Schema extends v.GenericSchema>(schema: Schema, text: string, where: string): v.InferOutput<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RecordingError(`${where}: not JSON: ${(error as Error).message}`);
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new RecordingError(`${where}: ${v.getDotPath(issue) ?? 'the line'}: ${issue.message}`);
}
