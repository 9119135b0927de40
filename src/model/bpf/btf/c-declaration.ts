/** Writes one BTF type as C (C11 6.7.6): base types before a name, pointers, arrays and parameters around it. */

import type { Btf } from './blob.ts';
import { CLayouts } from './c-layout.ts';
import type { BtfComposite, BtfEnum, BtfPrototype } from './type.ts';
import { BtfError } from './wire.ts';

/** The names a blob's types are printed under; equal names of different types are told apart by a number. */
export interface CNames {
  /** Tag of a struct, union or enum, or name of a typedef. */
  readonly type: (id: number) => string;
  /** Name of the n-th enumerator of an enum. */
  readonly enumerator: (id: number, index: number) => string;
}

/** Levels of one declaration; C compilers are asked for 12 pointers and 63 nested structs. */
const DEEPEST = 64;

/** Members printed in all, nested ones where they are used; the kernel's own types come to some 100,000. */
const MOST_LINES = 250_000;

export class CDeclarations {
  readonly #btf: Btf;
  readonly #names: CNames;
  readonly #layouts: CLayouts;
  #depth = 0;
  #lines = 0;

  constructor(btf: Btf, names: CNames) {
    this.#btf = btf;
    this.#names = names;
    this.#layouts = new CLayouts(btf);
  }

  /** `declarator` as something of this type: `declare(id, 'x')` gives `int (*x)(void)`. Throws BtfError for endless types. */
  declare(id: number, declarator: string, indent = ''): string {
    if (this.#depth === DEEPEST) throw new BtfError(`type ${id}: a declaration of more than ${DEEPEST} levels`);
    this.#depth += 1;
    const text = this.#declared(id, declarator, indent);
    this.#depth -= 1;
    return text;
  }

  #declared(id: number, declarator: string, indent: string): string {
    const type = this.#btf.type(id)!;
    switch (type.kind) {
      case 'void':
        return joined('void', declarator);
      case 'int':
      case 'float':
        return joined(type.name, declarator);
      case 'typedef':
        return joined(this.#names.type(id), declarator);
      case 'fwd':
        return joined(`${type.isUnion ? 'union' : 'struct'} ${type.name}`, declarator);
      case 'ptr': {
        const inner = /^(const|volatile|restrict)\b/.test(declarator) ? `* ${declarator}` : `*${declarator}`;
        return this.declare(type.type, this.#bindsTighter(type.type) ? `(${inner})` : inner, indent);
      }
      case 'const':
      case 'volatile':
      case 'restrict': {
        const word = type.kind;
        if (this.#isPointer(type.type)) return this.declare(type.type, joined(word, declarator), indent);
        return word === 'restrict'
          ? this.declare(type.type, declarator, indent)
          : joined(word, this.declare(type.type, declarator, indent));
      }
      case 'type_tag':
        return this.declare(type.type, joined(`__attribute__((btf_type_tag("${type.name}")))`, declarator), indent);
      case 'array':
        return this.declare(type.elementType, `${declarator}[${type.length}]`, indent);
      case 'func_proto':
        return this.declare(type.returnType, `${declarator}(${this.#parameters(type)})`, indent);
      case 'struct':
      case 'union':
        return joined(
          type.name === '' ? this.composite(type, indent) : `${type.kind} ${this.#names.type(id)}`,
          declarator,
        );
      case 'enum':
      case 'enum64':
        return joined(type.name === '' ? this.enumeration(type, indent) : `enum ${this.#names.type(id)}`, declarator);
      default:
        return joined('void', declarator);
    }
  }

  /** A struct or union with its members, without a final semicolon. */
  composite(type: BtfComposite, indent = ''): string {
    const { pieces, packed } = this.#layouts.layoutOf(type);
    this.#lines += pieces.length;
    if (this.#lines > MOST_LINES) throw new BtfError(`more than ${MOST_LINES} members to print`);
    const inside = `${indent}\t`;
    const lines = pieces.map((piece) => {
      if (piece.kind === 'padding') return `${inside}${piece.type}: ${piece.bits};`;
      const { name, type: memberType, bitfieldBits } = piece.member;
      const width = bitfieldBits > 0 ? `: ${bitfieldBits}` : '';
      return `${inside}${this.declare(memberType, name, inside)}${width};`;
    });
    const head = joined(type.kind, type.name === '' ? '' : this.#names.type(type.id));
    const tail = packed ? ' __attribute__((packed))' : '';
    return lines.length === 0 ? `${head} {}${tail}` : `${head} {\n${lines.join('\n')}\n${indent}}${tail}`;
  }

  /** An enum with its values, without a final semicolon. */
  enumeration(type: BtfEnum, indent = ''): string {
    const lines = type.enumerators.map(
      ({ value }, index) => `${indent}\t${this.#names.enumerator(type.id, index)} = ${enumeratorText(type, value)},`,
    );
    const head = joined('enum', type.name === '' ? '' : this.#names.type(type.id));
    const mode =
      { 1: ' __attribute__((mode(byte)))', 2: ' __attribute__((mode(HI)))', 8: ' __attribute__((mode(word)))' }[
        type.sizeBytes
      ] ?? '';
    return `${head} {\n${lines.join('\n')}\n${indent}}${type.kind === 'enum64' || type.sizeBytes < 8 ? mode : ''}`;
  }

  #parameters({ parameters }: BtfPrototype): string {
    if (parameters.length === 0) return 'void';
    return parameters
      .map(({ name, type }, index) =>
        type === 0 && name === '' && index === parameters.length - 1 ? '...' : this.declare(type, name),
      )
      .join(', ');
  }

  /** Whether a pointer to this type needs parentheses: arrays and functions take the name first. */
  #bindsTighter(id: number): boolean {
    let type = this.#btf.type(id)!;
    for (let steps = 0; type.kind !== 'typedef' && 'type' in type && type.kind !== 'ptr' && steps < 32; steps++)
      type = this.#btf.type(type.type)!;
    return type.kind === 'array' || type.kind === 'func_proto';
  }

  /** Whether a qualifier of this type belongs behind a star. */
  #isPointer(id: number): boolean {
    let type = this.#btf.type(id)!;
    for (let steps = 0; ['const', 'volatile', 'restrict'].includes(type.kind) && 'type' in type && steps < 32; steps++)
      type = this.#btf.type(type.type)!;
    return type.kind === 'ptr';
  }
}

/** Unsigned unless the enum is signed; 64-bit values carry a suffix. */
function enumeratorText({ kind, signed }: BtfEnum, value: bigint): string {
  if (kind === 'enum64') return signed ? `${value}LL` : `${BigInt.asUintN(64, value)}ULL`;
  return `${signed ? value : BigInt.asUintN(32, value)}`;
}

const joined = (left: string, right: string): string =>
  left === '' || right === '' ? left + right : `${left} ${right}`;
