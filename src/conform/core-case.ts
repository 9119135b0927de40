/** A case of a CO-RE recording: a program, its types and its records, as they were given to a kernel or to libbpf. */
import * as v from 'valibot';
import { fromHex } from '../base/bytes.ts';
import { RECORD_BYTES, writeRecord } from '../model/bpf/btf/core-record.ts';
import { hexDigits } from './recorded-object.ts';

export const CoreCase = v.object({
  name: v.string(),
  insns: hexDigits(8),
  /** Which 64-bit loads hold the address of a map's value. */
  map_insns: v.optional(v.array(v.number()), []),
  btf: hexDigits(),
  func_info: v.array(v.tuple([v.number(), v.number()])),
  line_info: v.optional(v.array(v.array(v.number()))),
  relos: v.array(
    v.object({
      off: v.number(),
      type: v.number(),
      acc_off: v.number(),
      kind: v.number(),
      tail: v.optional(hexDigits()),
      target: v.optional(v.string()),
    }),
  ),
  rec_size: v.number(),
  /** How many records the load says it has, where that is not how many there are. */
  cnt: v.optional(v.number()),
  /** Questions that came before, in this order, of a cache that knew none of these names. */
  prior: v.optional(
    v.array(v.object({ name: v.string(), kind: v.picklist(['struct', 'union', 'enum', 'enum64', 'typedef']) })),
  ),
});

export type CoreInput = v.InferOutput<typeof CoreCase>;

/**
 * The record array. Where the count says more than was given, the kernel read whatever lay behind; that memory is not
 * recorded, and zeros (a record of void, refused like any garbage) stand for it.
 */
export function recordBytes({ relos, rec_size: size, cnt: count = 0 }: CoreInput): Uint8Array {
  const stride = size >= RECORD_BYTES && size < 300 ? size : RECORD_BYTES;
  const bytes = new Uint8Array(stride * (relos.length + (count > relos.length ? 1 : 0)));
  relos.forEach(({ off, type, acc_off, kind, tail = '' }, index) => {
    const at = index * stride;
    writeRecord(bytes, at, { instructionOffset: off, typeId: type, accessOffset: acc_off, kind });
    bytes.set(fromHex(tail)!.subarray(0, stride - RECORD_BYTES), at + RECORD_BYTES);
  });
  return bytes;
}

/** How many records the load says it has. */
export const recordCount = ({ cnt, relos }: CoreInput): number => cnt ?? relos.length;
