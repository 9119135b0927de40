/**
 * BPF_BTF_LOAD's judgement of a blob (kernel/bpf/btf.c:btf_parse()): the same bytes, error and first message as Linux 6.18,
 * in the kernel's order: header, sections, strings, every type on its own (check-meta.ts), then what types refer to
 * (check-references.ts). Left out: split BTF on top of another blob, which only modules and the kernel itself load.
 */

import { Btf } from './blob.ts';
import { checkMeta } from './check-meta.ts';
import { checkReferences, checkTypeTags } from './check-references.ts';
import { type BtfRefusal, refused } from './refused.ts';
import { BTF_MAGIC } from './wire.ts';

export interface BtfLoaded {
  readonly kind: 'loaded';
  readonly btf: Btf;
}

/** Largest offset of a name (BTF_MAX_NAME_OFFSET); the string section may be one byte longer. */
const LARGEST_NAME_OFFSET = 0xff_ffff;
const HEADER_BYTES = 24;

export function loadBtf(bytes: Uint8Array): BtfLoaded | BtfRefusal {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = checkHeader(bytes, view);
  if ('message' in header) return header;
  const badStrings = checkStrings(bytes, header);
  if (badStrings !== undefined) return badStrings;
  if (header.typeOffset % 4 !== 0) return refused('Unaligned type_off');
  if (header.typeLength === 0) return refused('No type found');
  const stringsStart = header.length + header.stringOffset;
  const places: number[] = [];
  const typesEnd = header.length + header.typeOffset + header.typeLength;
  const strings = Buffer.from(bytes.buffer, bytes.byteOffset + stringsStart, header.stringLength);
  const context = { view, strings, identifiers: new Map<number, boolean>() };
  for (let at = header.length + header.typeOffset; at < typesEnd; ) {
    const checked = checkMeta(context, at, typesEnd, places.length + 1);
    if (typeof checked !== 'number') return checked;
    places.push(at);
    at += checked;
  }
  const btf = new Btf(bytes, Uint32Array.from(places), { start: stringsStart, end: bytes.length });
  return checkReferences(btf) ?? checkTypeTags(btf) ?? { kind: 'loaded', btf };
}

interface Header {
  readonly length: number;
  readonly typeOffset: number;
  readonly typeLength: number;
  readonly stringOffset: number;
  readonly stringLength: number;
}

function checkHeader(bytes: Uint8Array, view: DataView): Header | BtfRefusal {
  if (bytes.length < 8) return refused('hdr_len not found');
  const length = view.getUint32(4, true);
  if (bytes.length < length) return refused('btf_header not found');
  if (bytes.subarray(HEADER_BYTES, length).some((byte) => byte !== 0))
    return refused('Unsupported btf_header', 0, 'E2BIG');
  // A shorter header counts as one that ends in zeros.
  const word = (at: number): number => (at + 4 <= length ? view.getUint32(at, true) : 0);
  if (length < 4 || view.getUint16(0, true) !== BTF_MAGIC) return refused('Invalid magic');
  if (view.getUint8(2) !== 1) return refused('Unsupported version', 0, 'ENOTSUPP');
  if (view.getUint8(3) !== 0) return refused('Unsupported flags', 0, 'ENOTSUPP');
  if (bytes.length === length) return refused('No data');
  const header = { length, typeOffset: word(8), typeLength: word(12), stringOffset: word(16), stringLength: word(20) };
  return checkTiling(header, bytes.length - length) ?? header;
}

/** Types and strings lie without gap or overlap behind the header and fill the blob. */
function checkTiling(header: Header, available: number): BtfRefusal | undefined {
  const sections = [
    { offset: header.typeOffset, length: header.typeLength },
    { offset: header.stringOffset, length: header.stringLength },
  ].sort((left, right) => left.offset - right.offset);
  let covered = 0;
  for (const { offset, length } of sections) {
    if (available < offset) return refused('Invalid section offset');
    if (covered < offset) return refused('Unsupported section found');
    if (covered > offset) return refused('Section overlap found');
    if (available - covered < length) return refused('Total section length too long');
    covered += length;
  }
  return covered === available ? undefined : refused('Unsupported section found');
}

function checkStrings(bytes: Uint8Array, header: Header): BtfRefusal | undefined {
  const start = header.length + header.stringOffset;
  if (start + header.stringLength !== bytes.length) return refused('String section is not at the end');
  const bad =
    header.stringLength === 0 ||
    header.stringLength - 1 > LARGEST_NAME_OFFSET ||
    bytes[bytes.length - 1] !== 0 ||
    bytes[start] !== 0;
  return bad ? refused('Invalid string section') : undefined;
}
