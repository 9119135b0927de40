/**
 * A BTF blob as a whole: its types by id, its strings, and the questions libbpf's btf.c answers about them. A type becomes
 * a value only when somebody asks for it, so the 126,000 types of a kernel cost what is used of them.
 */
import { essentialName } from './essential-name.ts';
import { type BtfType, isModifier, KINDS } from './type.ts';
import { kindOf, vlenOf } from './wire.ts';

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
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
    const each = <Element>(words: number, make: (at: number) => Element): Element[] => {
      const list: Element[] = [];
      for (let index = 0; index < count; index++) list.push(make(3 + words * index));
      return list;
    };
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

const VOID: BtfType = { id: 0, kind: 'void', name: '' };

/** The kernel's sizes are unsigned 32-bit. */
const sized = (bytes: number): number | undefined => (bytes > 0xffff_ffff ? undefined : bytes);
