/**
 * Reads a BTF blob the way tools/lib/bpf/btf.c does: the header, the tiling of sections, and every type's extent, name and
 * references are checked once. The kernel's stricter judgement of the same bytes is in validate.ts. Blobs of the other
 * byte order are refused: a BPF object is made for its kernel.
 */
import { Btf } from './blob.ts';
import { BTF_MAGIC, BtfError, kindOf, REFERENCES, TRAILERS, TYPE_BYTES, vlenOf } from './wire.ts';

const HEADER_BYTES = 24;

/** Parses a blob; throws {@link BtfError} naming the first thing that is wrong. Time and memory are linear in its length. */
export function parseBtf(bytes: Uint8Array): Btf {
  const { types, strings } = readHeader(bytes);
  const view = viewOf(bytes);
  const places: number[] = [];
  let at = types.start;
  while (at < types.end) {
    if (types.end - at < TYPE_BYTES) throw new BtfError(`type ${places.length + 1}: cut short at byte ${at}`);
    const info = view.getUint32(at + 4, true);
    const trailer = TRAILERS[kindOf(info)];
    if (trailer === undefined || kindOf(info) === 0)
      throw new BtfError(`type ${places.length + 1}: unknown kind ${kindOf(info)}`);
    const next = at + TYPE_BYTES + trailer.fixed + trailer.each * vlenOf(info);
    if (next > types.end) throw new BtfError(`type ${places.length + 1}: runs past the type section`);
    places.push(at);
    at = next;
  }
  checkReferences(view, places, strings.end - strings.start);
  return new Btf(bytes, Uint32Array.from(places), strings);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

function readHeader(bytes: Uint8Array): { readonly types: Span; readonly strings: Span } {
  if (bytes.length < HEADER_BYTES) throw new BtfError(`${bytes.length} bytes are shorter than a BTF header`);
  const view = viewOf(bytes);
  const magic = view.getUint16(0, true);
  if (magic !== BTF_MAGIC) throw new BtfError(`magic 0x${magic.toString(16)} is not 0xeb9f`);
  const headerLength = view.getUint32(4, true);
  if (headerLength < HEADER_BYTES || headerLength > bytes.length)
    throw new BtfError(`header length ${headerLength} does not fit ${bytes.length} bytes`);
  const span = (name: string, at: number): Span => {
    const start = headerLength + view.getUint32(at, true);
    const end = start + view.getUint32(at + 4, true);
    if (end > bytes.length) throw new BtfError(`${name} section ends at ${end} of ${bytes.length} bytes`);
    return { start, end };
  };
  const types = span('type', 8);
  const strings = span('string', 16);
  if ((types.start - headerLength) % 4 !== 0) throw new BtfError('type section is not aligned to 4 bytes');
  if (types.end > strings.start) throw new BtfError('type and string sections overlap');
  if (strings.start === strings.end || bytes[strings.start] !== 0 || bytes[strings.end - 1] !== 0)
    throw new BtfError('string section must begin and end with a zero byte');
  return { types, strings };
}

/** Every name lies in the string section and every type id exists, as libbpf's btf_sanity_check() demands. */
function checkReferences(view: DataView, places: readonly number[], stringBytes: number): void {
  const count = places.length;
  for (let index = 0; index < count; index++) {
    const place = places[index]!;
    const info = view.getUint32(place + 4, true);
    const kind = kindOf(info);
    const { types, elementName, elementType } = REFERENCES[kind]!;
    const { fixed, each } = TRAILERS[kind]!;
    let sound = view.getUint32(place, true) < stringBytes;
    for (const at of types) sound &&= view.getUint32(place + at, true) <= count;
    const elements = place + TYPE_BYTES + fixed;
    const end = elements + (each === 0 ? 0 : each * vlenOf(info));
    for (let at = elements; at < end; at += each) {
      if (elementName !== undefined) sound &&= view.getUint32(at + elementName, true) < stringBytes;
      if (elementType !== undefined) sound &&= view.getUint32(at + elementType, true) <= count;
    }
    if (!sound) throw new BtfError(`type ${index + 1}: a name or a type it refers to does not exist`);
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
