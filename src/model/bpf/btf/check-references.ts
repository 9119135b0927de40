/**
 * What BTF_LOAD asks of types together (kernel/bpf/btf.c:btf_resolve() and the resolve functions, Linux 6.18): references
 * exist and are of a fitting kind, members fit their struct, and no type holds itself by value. Resolving goes at most 32
 * types deep; through a pointer it goes on only to find a size, so structs may point at each other.
 */
import type { Btf } from './blob.ts';
import { hasSize, isAggregate, isOnlySource, isRegularInt, isSizeless, needsResolving } from './kind-sets.ts';
import { type BtfRefusal, refused } from './refused.ts';
import {
  type BtfArray,
  type BtfComposite,
  type BtfDataSection,
  type BtfDeclarationTag,
  type BtfFunction,
  type BtfMember,
  type BtfPrototype,
  type BtfType,
  isAnyEnum,
  isComposite,
  isModifier,
} from './type.ts';

const DEEPEST = 32;

/** Resolves every type in the order of ids. */
export const checkReferences = (btf: Btf): BtfRefusal | undefined => new Resolver(btf).all();

/** Type tags stand before other modifiers, and no chain of modifiers is longer than 32. */
export function checkTypeTags(btf: Btf): BtfRefusal | undefined {
  for (let id = 1; id <= btf.typeCount; id++) {
    let type = btf.type(id)!;
    let amongTags = type.kind === 'type_tag';
    for (let steps = 0; isModifier(type); steps++) {
      if (steps === DEEPEST) return refused('Max chain length or cycle detected', id, 'ELOOP');
      if (type.kind === 'type_tag' && !amongTags) return refused("Type tags don't precede modifiers", id);
      amongTags = type.kind === 'type_tag';
      type = btf.type(type.type)!;
    }
  }
  return undefined;
}

/** What resolving goes through: until the first pointer or aggregate anything, then only what its size depends on. */
type Mode = 'any' | 'pointer' | 'aggregate';

class Resolver {
  readonly #btf: Btf;
  readonly #states: Uint8Array;
  #mode: Mode = 'any';

  constructor(btf: Btf) {
    this.#btf = btf;
    this.#states = new Uint8Array(btf.typeCount + 1);
  }

  all(): BtfRefusal | undefined {
    for (let id = 1; id <= this.#btf.typeCount; id++) {
      const type = this.#btf.type(id)!;
      const bad = this.#start(id) ?? (type.kind === 'func_proto' ? this.#prototype(type) : undefined);
      if (bad !== undefined) return bad;
    }
    return undefined;
  }

  /** Resolves a type from an empty stack, unless it is resolved or needs none. */
  #start(id: number): BtfRefusal | undefined {
    if (!needsResolving(this.#btf.type(id)!) || this.#states[id] === RESOLVED) return undefined;
    this.#mode = 'any';
    return this.#enter(id, 0);
  }

  #enter(id: number, depth: number): BtfRefusal | undefined {
    const type = this.#btf.type(id)!;
    if (depth === DEEPEST) return refused('Exceeded max resolving depth', id, 'E2BIG');
    if (this.#states[id] !== 0) return refused('Loop detected', id, 'EEXIST');
    this.#states[id] = VISITED;
    if (this.#mode === 'any') this.#mode = type.kind === 'ptr' ? 'pointer' : isAggregate(type) ? 'aggregate' : 'any';
    const bad = this.#resolve(type, depth);
    this.#states[id] = RESOLVED;
    return bad;
  }

  #resolve(type: BtfType, depth: number): BtfRefusal | undefined {
    switch (type.kind) {
      case 'ptr':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'type_tag':
        return this.#reference(type.id, type.type, depth, ['void', 'fwd', 'func_proto']);
      case 'var':
        return this.#reference(type.id, type.type, depth, []);
      case 'array':
        return this.#array(type, depth);
      case 'struct':
      case 'union':
        return this.#composite(type, depth);
      case 'datasec':
        return this.#dataSection(type, depth);
      case 'decl_tag':
        return this.#declarationTag(type);
      case 'func':
        return this.#function(type);
      default:
        return undefined;
    }
  }

  /** Goes on to a type where this one's size may depend on it. */
  #follow(id: number, depth: number): BtfRefusal | undefined {
    const type = this.#btf.type(id)!;
    return isEnd(type, this.#mode) || this.#states[id] === RESOLVED ? undefined : this.#enter(id, depth + 1);
  }

  /** A reference leads to something with a size, or to one of the kinds that may go without. */
  #reference(id: number, target: number, depth: number, sizeless: readonly BtfType['kind'][]): BtfRefusal | undefined {
    const next = this.#btf.type(target);
    if (next === undefined || isOnlySource(next)) return refused('Invalid type_id', id);
    const bad = this.#follow(target, depth);
    if (bad !== undefined) return bad;
    const end = this.#sized(target) ?? this.#btf.resolve(target);
    const fits = end !== undefined && (hasSize(end) || sizeless.includes(end.kind));
    return fits ? undefined : refused('Invalid type_id', id);
  }

  #array(type: BtfArray, depth: number): BtfRefusal | undefined {
    const index = this.#btf.type(type.indexType);
    if (index === undefined || isSizeless(index) || isOnlySource(index)) return refused('Invalid index', type.id);
    const badIndex = this.#follow(type.indexType, depth);
    if (badIndex !== undefined) return badIndex;
    const indexEnd = this.#sized(type.indexType);
    if (indexEnd?.kind !== 'int' || !isRegularInt(indexEnd)) return refused('Invalid index', type.id);
    const element = this.#btf.type(type.elementType);
    if (element === undefined || isSizeless(element) || isOnlySource(element)) return refused('Invalid elem', type.id);
    const badElement = this.#follow(type.elementType, depth);
    if (badElement !== undefined) return badElement;
    const elementEnd = this.#sized(type.elementType);
    if (elementEnd === undefined) return refused('Invalid elem', type.id);
    if (elementEnd.kind === 'int' && !isRegularInt(elementEnd)) return refused('Invalid array of int', type.id);
    const total = (this.#btf.sizeBytes(type.elementType) ?? 0) * type.length;
    return total > 0xffff_ffff ? refused('Array size overflows u32', type.id) : undefined;
  }

  #composite(type: BtfComposite, depth: number): BtfRefusal | undefined {
    for (const member of type.members) {
      const memberType = this.#btf.type(member.type);
      if (memberType === undefined || isSizeless(memberType) || isOnlySource(memberType))
        return refused('Invalid member', type.id);
      const bad = this.#follow(member.type, depth) ?? this.#member(type, member);
      if (bad !== undefined) return bad;
    }
    return undefined;
  }

  /** A member of known type lies on whole bytes, unless it is a bitfield, and inside its struct. */
  #member(owner: BtfComposite, member: BtfMember): BtfRefusal | undefined {
    const type = this.#sized(member.type);
    if (type === undefined) return refused('Invalid member', owner.id);
    const bitfield = owner.hasBitfields && member.bitfieldBits > 0;
    const offset = member.offsetBits + (type.kind === 'int' && !owner.hasBitfields ? type.offsetBits : 0);
    let bits = 8 * (this.#btf.sizeBytes(type.id) ?? 0);
    if (type.kind === 'int') {
      if (owner.hasBitfields && !isRegularInt(type)) return refused('Invalid member base type', owner.id);
      bits = type.widthBits;
    }
    if (bitfield) {
      if ((type.kind !== 'int' && !isAnyEnum(type)) || member.bitfieldBits > bits)
        return refused('Invalid member bitfield_size', owner.id);
      bits = member.bitfieldBits;
    } else if (offset % 8 !== 0 && (type.kind !== 'int' || owner.hasBitfields))
      return refused(
        type.kind === 'int' || isAnyEnum(type) ? 'Invalid member offset' : 'Member is not byte aligned',
        owner.id,
      );
    const copied = bits + (offset % 8);
    if (type.kind === 'int' && copied > 128) return refused('nr_copy_bits exceeds 128', owner.id);
    const inside = Math.floor(offset / 8) + Math.ceil(copied / 8) <= owner.sizeBytes;
    return inside ? undefined : refused('Member exceeds struct_size', owner.id);
  }

  #dataSection(type: BtfDataSection, depth: number): BtfRefusal | undefined {
    for (const entry of type.entries) {
      const variable = this.#btf.type(entry.type);
      if (variable?.kind !== 'var') return refused('Not a VAR kind member', type.id);
      const bad = this.#follow(entry.type, depth);
      if (bad !== undefined) return bad;
      if (this.#sized(variable.type) === undefined) return refused('Invalid type', type.id);
      if (entry.sizeBytes < (this.#btf.sizeBytes(variable.type) ?? 0)) return refused('Invalid size', type.id);
    }
    return undefined;
  }

  #declarationTag(tag: BtfDeclarationTag): BtfRefusal | undefined {
    const target = this.#btf.type(tag.type);
    const allowed = target !== undefined && (isComposite(target) || ['func', 'var', 'typedef'].includes(target.kind));
    if (!allowed) return refused('Invalid type_id', tag.id);
    if (tag.componentIndex === -1) return undefined;
    const prototype = target.kind === 'func' ? this.#btf.type(target.prototype) : undefined;
    const parts = isComposite(target)
      ? target.members.length
      : prototype?.kind === 'func_proto'
        ? prototype.parameters.length
        : 0;
    return tag.componentIndex < parts ? undefined : refused('Invalid component_idx', tag.id);
  }

  #function(type: BtfFunction): BtfRefusal | undefined {
    const prototype = this.#btf.type(type.prototype);
    if (prototype?.kind !== 'func_proto') return refused('Invalid type_id', type.id);
    const unnamed = prototype.parameters.some((parameter) => parameter.name === '' && parameter.type !== 0);
    return unnamed ? refused('Invalid arg', type.id) : undefined;
  }

  /** Result and parameters have sizes; only a last parameter may be `...`. */
  #prototype(type: BtfPrototype): BtfRefusal | undefined {
    if (type.returnType !== 0) {
      const bad = this.#value(type.returnType, 'Invalid return type', type.id);
      if (bad !== undefined) return bad;
    }
    const last = type.parameters.at(-1);
    if (last?.type === 0 && last.name !== '') return refused('Invalid arg', type.id);
    for (const parameter of last?.type === 0 ? type.parameters.slice(0, -1) : type.parameters) {
      if (parameter.name !== '' && !/^[A-Za-z_.][A-Za-z0-9_.]{0,510}$/.test(parameter.name))
        return refused('Invalid arg', type.id);
      const bad = this.#value(parameter.type, 'Invalid arg', type.id);
      if (bad !== undefined) return bad;
    }
    return undefined;
  }

  #value(id: number, message: string, owner: number): BtfRefusal | undefined {
    const type = this.#btf.type(id);
    if (type === undefined || isOnlySource(type)) return refused(message, owner);
    return this.#start(id) ?? (this.#sized(id) === undefined ? refused(message, owner) : undefined);
  }

  /** The type an id comes down to, where that has a size. */
  #sized(id: number): BtfType | undefined {
    const end = this.#btf.resolve(id);
    const type = end?.kind === 'var' ? this.#btf.resolve(end.type) : end;
    return type !== undefined && hasSize(type) ? type : undefined;
  }
}

const VISITED = 1;
const RESOLVED = 2;

/** Whether resolving in this mode stops at a type. */
function isEnd(type: BtfType, mode: Mode): boolean {
  if (mode === 'any') return !needsResolving(type);
  return !isModifier(type) && (mode === 'pointer' ? type.kind !== 'ptr' : !isAggregate(type));
}
