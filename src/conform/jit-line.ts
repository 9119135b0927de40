/** One line of a recording of the x86-64 BPF JIT: a program, what the kernel made of it, and what it did when run. */
import * as v from 'valibot';
import { fromHex } from '../base/bytes.ts';

const bytes = v.pipe(
  v.string(),
  v.transform((text) => fromHex(text)),
  v.instance(Uint8Array),
);
const address = v.pipe(
  v.string(),
  v.transform((text) => BigInt(text)),
);

const FunctionRecord = v.object({
  addr: address,
  len: v.number(),
  start: v.optional(v.number()),
  arena_kern: v.optional(address),
  priv_frame_ptr: v.optional(address),
});

const Line = v.object({
  name: v.string(),
  cls: v.string(),
  prog_type: v.union([v.number(), v.literal('classic')]),
  insns: bytes,
  xlated: v.nullish(v.union([v.literal('='), bytes])),
  jit_in: v.optional(bytes),
  jited: bytes,
  funcs: v.array(FunctionRecord),
  ret: v.nullish(v.number()),
  ctx_len: v.optional(v.number(), 256),
  ctx_diff: v.optional(v.object({ off: v.number(), bytes })),
  calls: v.optional(v.array(v.object({ imm: v.number(), addr: address, sym: v.string() })), []),
  maps: v.optional(v.array(v.object({ type: v.number(), kptr: address, val: address })), []),
  this_cpu_off32: v.optional(address),
  arena_user: v.optional(address),
  extable: v.optional(v.array(v.object({ func: v.number(), addr: address, bytes })), []),
  exception_cb: v.optional(v.object({ addr: address, bytes48: bytes })),
  call_base: address,
  ret_thunk: address,
  jmp_thunk_rcx: v.optional(address),
  note: v.optional(v.string(), ''),
});

export type JitLine = v.InferOutput<typeof Line>;

/** Reads one line of JSON. Throws a ValiError or SyntaxError that says what is wrong with it. */
export function readJitLine(text: string): JitLine {
  return v.parse(Line, JSON.parse(text));
}

/** What the JIT was given: the instructions after verification and everything the dump hides restored. */
export function jitInput({ jit_in, xlated, insns }: JitLine): Uint8Array {
  return jit_in ?? (xlated instanceof Uint8Array ? xlated : insns);
}
