/**
 * Reads a BTF blob the way tools/lib/bpf/btf.c does: the header, the tiling of sections, every type's extent, name and
 * references are checked once; a type becomes a value only when somebody asks for it. The kernel's stricter judgement
 * of the same bytes is in validate.ts. Blobs of the other byte order are refused: a BPF object is made for its kernel.
 */
import { essentialName } from './essential-name.ts';
import { type BtfType, isModifier, KINDS } from './type.ts';

export const BTF_MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const TYPE_BYTES = 12;

/** Why bytes are no BTF, in one sentence with the place. */
export class BtfError extends Error {
  override readonly name = 'BtfError';
}

/** Bytes a kind appends to its struct btf_type: a fixed part, and a part per element counted by vlen. */
export const TRAILERS: readonly { readonly fixed: number; readonly each: number }[] = KINDS.map((kind) => {
  switch (kind) {
    case 'int':
    case 'var':
    case 'decl_tag':
      return { fixed: 4, each: 0 };
    case 'array':
      return { fixed: 12, each: 0 };
    case 'struct':
    case 'union':
    case 'datasec':
    case 'enum64':
      return { fixed: 0, each: 12 };
    case 'enum':
    case 'func_proto':
      return { fixed: 0, each: 8 };
    default:
      return { fixed: 0, each: 0 };
  }
});

/**
 * A parsed blob. Ids run from 1 to {@link Btf.typeCount}; 0 is void. All references and names inside are in range,
 * but they may form loops: every walk over them must count its steps.
 */
export class Btf {
  readonly typeCount: number;
  readonly #view: DataView;
  readonly #bytes: Buffer;
  readonly #stringsStart: number;
  readonly #stringsEnd: number;
  readonly #places: Uint32Array;
  readonly #types: (BtfType | undefined)[] = [];
  readonly #strings = new Map<number, string>();
  #namesakes: Map<string, number[]> | undefined;

  constructor(bytes: Uint8Array, places: Uint32Array, strings: { readonly start: number; readonly end: number }) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = viewOf(bytes);
    this.#places = places;
    this.#stringsStart = strings.start;
    this.#stringsEnd = strings.end;
    this.typeCount = places.length;
  }

  /** The type with this id, or undefined where the blob has none. */
  type(id: number): BtfType | undefined {
    if (id === 0) return VOID;
    const known = this.#types[id];
    if (known !== undefined || !(id > 0 && id <= this.typeCount)) return known;
    const type = this.#read(id);
    this.#types[id] = type;
    return type;
  }

  /** The string that starts at a byte of the string section, one character a byte; undefined beyond the section. */
  string(offset: number): string | undefined {
    const known = this.#strings.get(offset);
    if (known !== undefined) return known;
    const start = this.#stringsStart + offset;
    if (!(offset >= 0 && start < this.#stringsEnd)) return undefined;
    const text = this.#bytes.toString('latin1', start, this.#bytes.indexOf(0, start));
    this.#strings.set(offset, text);
    return text;
  }

  /** The id left when modifiers are looked through; undefined where they run in a loop. */
  skipModifiers(id: number): number | undefined {
    let current = id;
    for (let steps = 0; steps <= this.typeCount; steps++) {
      const type = this.type(current);
      if (type === undefined || !isModifier(type)) return current;
      current = type.type;
    }
    return undefined;
  }

  /** The type left when modifiers are looked through; undefined where they run in a loop or the id is unknown. */
  resolve(id: number): BtfType | undefined {
    const target = this.skipModifiers(id);
    return target === undefined ? undefined : this.type(target);
  }

  /** Ids, ascending, of all named types of this essential name, whatever their kind. */
  namesakes(name: string): readonly number[] {
    this.#namesakes ??= this.#indexNames();
    return this.#namesakes.get(name) ?? [];
  }

  /**
   * Size as libbpf's btf__resolve_size() finds it, looking through modifiers, arrays and variables: at most 32 steps.
   * undefined for what has no size, for loops, and for arrays of more than 2^32 - 1 bytes.
   */
  sizeBytes(id: number): number | undefined {
    let current = id;
    let elements = 1;
    for (let steps = 0; steps < 32; steps++) {
      const type = this.type(current);
      if (type === undefined) return undefined;
      switch (type.kind) {
        case 'int':
        case 'struct':
        case 'union':
        case 'enum':
        case 'enum64':
        case 'datasec':
        case 'float':
          return sized(elements * type.sizeBytes);
        case 'ptr':
          return sized(elements * 8);
        case 'array':
          elements *= type.length;
          if (elements > 0xffff_ffff) return undefined;
          current = type.elementType;
          break;
        case 'typedef':
        case 'volatile':
        case 'const':
        case 'restrict':
        case 'type_tag':
        case 'var':
        case 'decl_tag':
          current = type.type;
          break;
        default:
          return undefined;
      }
    }
    return undefined;
  }

  #indexNames(): Map<string, number[]> {
    const index = new Map<string, number[]>();
    for (let id = 1; id <= this.typeCount; id++) {
      const offset = this.#view.getUint32(this.#places[id - 1]!, true);
      if (offset === 0) continue;
      const key = essentialName(this.string(offset)!);
      const ids = index.get(key);
      if (ids === undefined) index.set(key, [id]);
      else ids.push(id);
    }
    return index;
  }

  #read(id: number): BtfType {
    const view = this.#view;
    const place = this.#places[id - 1]!;
    const word = (index: number): number => view.getUint32(place + 4 * index, true);
    const text = (offset: number): string => this.string(offset) ?? '';
    const info = word(1);
    const kind = KINDS[kindOf(info)]!;
    const count = vlenOf(info);
    const flag = info >>> 31 === 1;
    const name = text(word(0));
    const last = word(2);
    const each = <T>(words: number, make: (at: number) => T): T[] =>
      Array.from({ length: count }, (_, index) => make(3 + words * index));
    switch (kind) {
      case 'int': {
        const detail = word(3);
        const encoding = (detail >>> 24) & 0xf;
        return {
          id,
          kind,
          name,
          sizeBytes: last,
          encoding,
          offsetBits: (detail >>> 16) & 0xff,
          widthBits: detail & 0xff,
        };
      }
      case 'ptr':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'type_tag':
        return { id, kind, name, type: last };
      case 'array':
        return { id, kind, name, elementType: word(3), indexType: word(4), length: word(5) };
      case 'struct':
      case 'union': {
        const members = each(3, (at) => ({
          name: text(word(at)),
          type: word(at + 1),
          offsetBits: flag ? word(at + 2) & 0xff_ffff : word(at + 2),
          bitfieldBits: flag ? word(at + 2) >>> 24 : 0,
        }));
        return { id, kind, name, sizeBytes: last, hasBitfields: flag, members };
      }
      case 'enum': {
        const enumerators = each(2, (at) => ({ name: text(word(at)), value: BigInt(word(at + 1) | 0) }));
        return { id, kind, name, sizeBytes: last, signed: flag, enumerators };
      }
      case 'enum64': {
        const enumerators = each(3, (at) => ({
          name: text(word(at)),
          value: view.getBigInt64(place + 4 * (at + 1), true),
        }));
        return { id, kind, name, sizeBytes: last, signed: flag, enumerators };
      }
      case 'fwd':
        return { id, kind, name, isUnion: flag };
      case 'func':
        return { id, kind, name, prototype: last, linkage: count };
      case 'func_proto':
        return {
          id,
          kind,
          name,
          returnType: last,
          parameters: each(2, (at) => ({ name: text(word(at)), type: word(at + 1) })),
        };
      case 'var':
        return { id, kind, name, type: last, linkage: word(3) };
      case 'datasec': {
        const entries = each(3, (at) => ({ type: word(at), offsetBytes: word(at + 1), sizeBytes: word(at + 2) }));
        return { id, kind, name, sizeBytes: last, entries };
      }
      case 'float':
        return { id, kind, name, sizeBytes: last };
      case 'decl_tag':
        return { id, kind, name, type: last, componentIndex: word(3) | 0 };
      case 'void':
        return VOID;
    }
  }
}

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
  places.forEach((place, index) => {
    const wrong = (what: string, value: number): never => {
      throw new BtfError(`type ${index + 1}: ${what} ${value} does not exist`);
    };
    const name = (at: number): void => {
      const offset = view.getUint32(at, true);
      if (offset >= stringBytes) wrong('name offset', offset);
    };
    const type = (at: number): void => {
      const id = view.getUint32(at, true);
      if (id > count) wrong('type', id);
    };
    const info = view.getUint32(place + 4, true);
    const end = place + TYPE_BYTES + TRAILERS[kindOf(info)]!.each * vlenOf(info);
    name(place);
    switch (KINDS[kindOf(info)]) {
      case 'ptr':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'type_tag':
      case 'func':
      case 'var':
      case 'decl_tag':
        type(place + 8);
        break;
      case 'array':
        type(place + 12);
        type(place + 16);
        break;
      case 'struct':
      case 'union':
        for (let at = place + 12; at < end; at += 12) {
          name(at);
          type(at + 4);
        }
        break;
      case 'enum':
        for (let at = place + 12; at < end; at += 8) name(at);
        break;
      case 'enum64':
        for (let at = place + 12; at < end; at += 12) name(at);
        break;
      case 'func_proto':
        type(place + 8);
        for (let at = place + 12; at < end; at += 8) {
          name(at);
          type(at + 4);
        }
        break;
      case 'datasec':
        for (let at = place + 12; at < end; at += 12) type(at);
        break;
      default:
    }
  });
}

const VOID: BtfType = { id: 0, kind: 'void', name: '' };

const kindOf = (info: number): number => (info >>> 24) & 0x7f;
const vlenOf = (info: number): number => info & 0xff_ffff;
const sized = (bytes: number): number | undefined => (bytes > 0xffff_ffff ? undefined : bytes);
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
