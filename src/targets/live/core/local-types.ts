import type { Btf } from '../../../model/bpf/btf/blob.ts';
import { BtfBuilder } from '../../../model/bpf/btf/build.ts';
import { type BtfMember, type BtfType, isAnyEnum, isComposite, isModifier } from '../../../model/bpf/btf/type.ts';
import type { PlannedPart, PlannedType } from './core-plan.ts';

/**
 * Writes the types of a program: excerpts of the running kernel's, as a developer declares them, with the changes that a plan
 * asks for. Floats never get in (hazard H1): an integer of eight bytes stands for one.
 */
export class LocalTypes {
  readonly builder = new BtfBuilder();
  readonly #kernel: Btf;
  readonly #pointer: Local;
  readonly #wide: Local;
  readonly #word: Local;
  /** FUNC types of the two functions that a program may have. */
  readonly functions: readonly [main: number, sub: number];

  constructor(kernel: Btf) {
    this.#kernel = kernel;
    this.#word = this.#integer('unsigned int', 4, 0);
    this.#wide = this.#integer('unsigned long long', 8, 0);
    this.#pointer = plain(this.builder.add({ kind: 'ptr', name: '', type: 0 }), 8);
    const prototype = this.builder.add({
      kind: 'func_proto',
      name: '',
      returnType: this.#word.id,
      parameters: [],
    });
    this.functions = [
      this.builder.add({ kind: 'func', name: 'main', prototype, linkage: 1 }),
      this.builder.add({ kind: 'func', name: 'sub', prototype, linkage: 0 }),
    ];
  }

  /** Declares a planned type; its id, and how the first field or element of each part is reached. */
  declare({ of, name, otherKind, parts }: PlannedType): { readonly id: number; readonly deeper: readonly boolean[] } {
    const type = this.#kernel.type(of)!;
    const called = { same: type.name, flavoured: `${type.name}___rox`, absent: `${type.name}_zz`, anonymous: '' }[name];
    if (isComposite(type)) {
      const members = parts.map((part) => this.#field(type.members[part.index]!, part));
      const kind = otherKind ? (type.kind === 'struct' ? 'union' : 'struct') : type.kind;
      const { id } = this.#composite(kind, called, members);
      return { id, deeper: members.map(({ local }) => local.hasParts) };
    }
    if (isAnyEnum(type)) {
      const enumerators = parts.map(({ index, change }) => {
        const enumerator = type.enumerators[index]!;
        return change === 'renamed' ? { ...enumerator, name: `${enumerator.name}_ZZ` } : enumerator;
      });
      const kind = otherKind ? (type.kind === 'enum' ? 'enum64' : 'enum') : type.kind;
      return { id: this.builder.add({ ...type, kind, name: called, enumerators }), deeper: parts.map(() => false) };
    }
    return { id: this.#renamed(type, called === '' ? type.name : called), deeper: [] };
  }

  #renamed(type: BtfType, name: string): number {
    if (type.kind === 'typedef') return this.builder.add({ kind: 'typedef', name, type: this.#copy(type.type, 1).id });
    if (type.kind === 'int') return this.builder.add({ ...type, name });
    return this.builder.add({ kind: 'fwd', name, isUnion: type.kind === 'fwd' && type.isUnion });
  }

  #field(member: BtfMember, { change }: PlannedPart): Field {
    const name = change === 'renamed' ? `${member.name}_zz` : member.name;
    if (change === 'pointer') return { name, local: this.#pointer, bits: 0 };
    const copied = this.#copy(member.type, 1);
    if (change === 'resized') return { name, local: copied.sizeBytes === 4 ? this.#wide : this.#word, bits: 0 };
    if (change === 'array') return { name, local: this.#array(this.#word, 3), bits: 0 };
    const longer = change === 'longer' ? this.#longer(member.type) : undefined;
    const local = longer ?? (copied.id === 0 ? this.#pointer : copied);
    return { name, local, bits: member.bitfieldBits };
  }

  /** An array of more elements than the kernel's has; undefined for what is no array. */
  #longer(id: number): Local | undefined {
    const type = this.#kernel.resolve(id);
    return type?.kind === 'array' ? this.#array(this.#copy(type.elementType, 1), type.length + 3) : undefined;
  }

  /** A type by value, without what lies deep inside it. */
  #copy(id: number, depth: number): Local {
    const type = this.#kernel.type(id)!;
    if (isModifier(type)) {
      const inner = this.#copy(type.type, depth);
      if (type.kind === 'type_tag' || inner.id === 0) return inner;
      return { ...inner, id: this.builder.add({ kind: type.kind, name: type.name, type: inner.id }) };
    }
    switch (type.kind) {
      case 'int':
        return plain(this.builder.add(type), type.sizeBytes);
      case 'ptr':
        return this.#pointer;
      case 'array':
        return this.#array(this.#copy(type.elementType, depth), type.length);
      case 'struct':
      case 'union': {
        const named = depth > MOST_DEPTH ? [] : type.members.filter(({ name }) => name !== '').slice(0, 2);
        return this.#composite(
          type.kind,
          type.name,
          named.map((member) => this.#field(member, UNCHANGED)),
        );
      }
      case 'enum':
      case 'enum64':
        return plain(this.builder.add({ ...type, enumerators: type.enumerators.slice(0, 3) }), type.sizeBytes);
      case 'fwd':
        return this.#composite(type.isUnion ? 'union' : 'struct', type.name, []);
      case 'void':
        return { id: 0, sizeBytes: 0, hasParts: false };
      default:
        return this.#wide;
    }
  }

  #array(element: Local, length: number): Local {
    const elementType = element.id === 0 || element.sizeBytes === 0 ? this.#word : element;
    const id = this.builder.add({
      kind: 'array',
      name: '',
      elementType: elementType.id,
      indexType: this.#word.id,
      length,
    });
    return { id, sizeBytes: elementType.sizeBytes * length, hasParts: length > 0 };
  }

  /** Fields follow each other, each at a multiple of eight bytes. */
  #composite(kind: 'struct' | 'union', name: string, fields: readonly Field[]): Local {
    let end = 0;
    let widest = 0;
    const members = fields.map(({ name: called, local, bits }) => {
      const offsetBits = kind === 'union' ? 0 : 8 * end;
      end += Math.ceil(local.sizeBytes / 8) * 8;
      widest = Math.max(widest, Math.ceil(local.sizeBytes / 8) * 8);
      return { name: called, type: local.id, offsetBits, bitfieldBits: bits };
    });
    const sizeBytes = kind === 'union' ? widest : end;
    const hasBitfields = fields.some(({ bits }) => bits > 0);
    const id = this.builder.add({ kind, name, sizeBytes, hasBitfields, members });
    return { id, sizeBytes, hasParts: members.length > 0 };
  }

  #integer(name: string, sizeBytes: number, encoding: number): Local {
    const widthBits = 8 * sizeBytes;
    return plain(this.builder.add({ kind: 'int', name, sizeBytes, encoding, offsetBits: 0, widthBits }), sizeBytes);
  }
}

/** A type without parts. */
const plain = (id: number, sizeBytes: number): Local => ({ id, sizeBytes, hasParts: false });

/** A type of the program; `hasParts` where a first field or element can be named. */
interface Local {
  readonly id: number;
  readonly sizeBytes: number;
  readonly hasParts: boolean;
}

interface Field {
  readonly name: string;
  readonly local: Local;
  readonly bits: number;
}

const UNCHANGED: PlannedPart = { index: 0, change: 'none' };
const MOST_DEPTH = 2;
