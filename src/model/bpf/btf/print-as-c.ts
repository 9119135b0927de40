/**
 * Prints a blob as a C header, as `bpftool btf dump format c` does (libbpf's btf_dump.c): every named type once, what is
 * used by value before what uses it, forward declarations where a pointer is enough, equal names told apart by `___2`.
 * Functions, variables and sections are no types and are left out.
 */

import type { Btf } from './blob.ts';
import { CDeclarations, type CNames } from './c-declaration.ts';
import { type BtfType, isAnyEnum, isComposite } from './type.ts';
import { BtfError } from './wire.ts';

/** The whole header, or only the given types and what they need. Throws BtfError for types that hold themselves. */
export function printAsC(btf: Btf, ids?: readonly number[]): string {
  const printer = new Printer(btf);
  for (const id of ids ?? Array.from({ length: btf.typeCount }, (_, index) => index + 1)) printer.print(id);
  return `${printer.lines.join('\n\n')}\n`;
}

/** The kernel's own types come to some 100. */
const DEEPEST = 1000;

class Printer {
  readonly lines: string[] = [];
  readonly #btf: Btf;
  readonly #names: CNames;
  readonly #declarations: CDeclarations;
  /** Types whose definition is printed or under way. */
  readonly #begun = new Set<number>();
  readonly #printed = new Set<number>();
  readonly #announced = new Set<string>();
  #depth = 0;
  /** Types that were gone through already, so that each is gone through once. */
  readonly #neededWhole = new Set<number>();
  readonly #neededByName = new Set<number>();
  readonly #referenced: ReadonlySet<number>;

  constructor(btf: Btf) {
    this.#btf = btf;
    this.#names = distinctNames(btf);
    this.#referenced = referencedEnums(btf);
    this.#declarations = new CDeclarations(btf, this.#names);
  }

  print(id: number): void {
    const type = this.#btf.type(id)!;
    if (isComposite(type) && type.name !== '') this.#define(type);
    else if (isAnyEnum(type) && (type.name !== '' || !this.#referenced.has(id))) this.#define(type);
    else if (type.kind === 'typedef') this.#typedef(id, true);
    else if (type.kind === 'fwd') this.#announce(type);
  }

  /** What has to stand before something that holds this type by value. */
  #needWhole(id: number, owner: number): void {
    if (this.#neededWhole.has(id)) return;
    this.#neededWhole.add(id);
    this.#deeper(id, () => this.#needParts(id, owner));
  }

  #needParts(id: number, owner: number): void {
    const type = this.#btf.type(id)!;
    switch (type.kind) {
      case 'struct':
      case 'union':
        if (type.name !== '') this.#define(type);
        else for (const member of type.members) this.#needWhole(member.type, owner);
        break;
      case 'enum':
      case 'enum64':
        if (type.name !== '') this.#define(type);
        break;
      case 'typedef':
        this.#typedef(id, true);
        break;
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        this.#needWhole(type.type, owner);
        break;
      case 'array':
        this.#needWhole(type.elementType, owner);
        break;
      case 'ptr':
        this.#needName(type.type, owner);
        break;
      case 'func_proto':
        this.#needName(type.returnType, owner);
        for (const parameter of type.parameters) this.#needName(parameter.type, owner);
        break;
      case 'fwd':
        this.#announce(type);
        break;
      default:
    }
  }

  /** What has to stand before something that only points at this type. */
  #needName(id: number, owner: number): void {
    const type = this.#btf.type(id)!;
    if (isComposite(type) && type.name !== '') {
      if (id !== owner && !this.#printed.has(id)) this.#announce(type);
      return;
    }
    if (this.#neededByName.has(id)) return;
    this.#neededByName.add(id);
    this.#deeper(id, () => this.#needTarget(id, owner));
  }

  #needTarget(id: number, owner: number): void {
    const type = this.#btf.type(id)!;
    if (type.kind === 'typedef') this.#typedef(id, false);
    else if (type.kind === 'const' || type.kind === 'volatile' || type.kind === 'restrict' || type.kind === 'type_tag')
      this.#needName(type.type, owner);
    else if (type.kind === 'array') this.#needName(type.elementType, owner);
    else this.#needWhole(id, owner);
  }

  /** Goes one type further, within bounds that no real header comes near. */
  #deeper(id: number, go: () => void): void {
    if (this.#depth === DEEPEST) throw new BtfError(`type ${id}: types depend on each other over ${DEEPEST} levels`);
    this.#depth += 1;
    go();
    this.#depth -= 1;
  }

  #define(type: BtfType): void {
    if (this.#begun.has(type.id)) return;
    this.#begun.add(type.id);
    if (isAnyEnum(type)) this.lines.push(`${this.#declarations.enumeration(type)};`);
    else if (isComposite(type)) {
      for (const member of type.members) this.#needWhole(member.type, type.id);
      this.lines.push(`${this.#declarations.composite(type)};`);
    }
    this.#printed.add(type.id);
  }

  /** Prints a typedef once; the struct it names has to be whole only where the typedef is used by value. */
  #typedef(id: number, whole: boolean): void {
    const type = this.#btf.type(id)!;
    if (type.kind !== 'typedef') return;
    if (whole) this.#needWhole(type.type, id);
    else this.#needName(type.type, id);
    if (this.#begun.has(id)) return;
    this.#begun.add(id);
    // The compiler knows this one; its declaration could not be written in C.
    if (type.name === '__builtin_va_list') return;
    this.lines.push(`typedef ${this.#declarations.declare(type.type, this.#names.type(id))};`);
    this.#printed.add(id);
  }

  #announce(type: BtfType): void {
    const isUnion = type.kind === 'union' || (type.kind === 'fwd' && type.isUnion);
    const text = `${isUnion ? 'union' : 'struct'} ${type.kind === 'fwd' ? type.name : this.#names.type(type.id)};`;
    if (this.#announced.has(text)) return;
    this.#announced.add(text);
    this.lines.push(text);
  }
}

/** Nameless enums that are the type of something: they are printed there, and nowhere else. */
function referencedEnums(btf: Btf): Set<number> {
  const referenced = new Set<number>();
  const refer = (id: number): void => {
    const type = btf.type(id)!;
    if (isAnyEnum(type) && type.name === '') referenced.add(id);
  };
  for (let id = 1; id <= btf.typeCount; id++) {
    const type = btf.type(id)!;
    if (isComposite(type)) for (const member of type.members) refer(member.type);
    else if (type.kind === 'func_proto') for (const parameter of type.parameters) refer(parameter.type);
    else if (type.kind === 'array') refer(type.elementType);
    else if ('type' in type) refer(type.type);
  }
  return referenced;
}

/** Tags share one space of names in C, typedefs and enumerators another; the n-th type of a name becomes `name___n`. */
function distinctNames(btf: Btf): CNames {
  const types = new Map<number, string>();
  const enumerators = new Map<number, string[]>();
  const tags = new Map<string, number>();
  const identifiers = new Map<string, number>();
  const distinct = (counts: Map<string, number>, name: string): string => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : `${name}___${count}`;
  };
  for (let id = 1; id <= btf.typeCount; id++) {
    const type = btf.type(id)!;
    if (type.name !== '' && (isComposite(type) || isAnyEnum(type))) types.set(id, distinct(tags, type.name));
    if (type.kind === 'typedef') types.set(id, distinct(identifiers, type.name));
    if (isAnyEnum(type))
      enumerators.set(
        id,
        type.enumerators.map(({ name }) => distinct(identifiers, name)),
      );
  }
  return {
    type: (id) => types.get(id) ?? '',
    enumerator: (id, index) => enumerators.get(id)?.[index] ?? '',
  };
}
