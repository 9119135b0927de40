/**
 * Writes BTF blobs: the inverse of parse.ts, for generated programs, the live target and the corpus. Nothing is judged
 * here (wrong BTF has to be writable too); see validate.ts. Always little endian, with the 24-byte header of 6.18.
 */

import { type BtfType, kindNumber } from './type.ts';
import { BTF_MAGIC } from './wire.ts';

type WithoutId<Type> = Type extends unknown ? Omit<Type, 'id'> : never;

/** A type to be written: everything but its id, which is its place in the blob. */
export type NewBtfType = WithoutId<BtfType>;

export class BtfBuilder {
  readonly #types: number[] = [];
  readonly #strings: number[] = [0];
  readonly #offsets = new Map<string, number>([['', 0]]);
  #count = 0;

  /** The offset of a string (one character a byte) in the string section; equal strings share one place. */
  string(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    const offset = this.#strings.length;
    for (let index = 0; index < text.length; index++) this.#strings.push(text.charCodeAt(index) & 0xff);
    this.#strings.push(0);
    this.#offsets.set(text, offset);
    return offset;
  }

  /** Appends a type and returns its id. */
  add(type: NewBtfType): number {
    this.#types.push(...this.#words(type));
    this.#count += 1;
    return this.#count;
  }

  /** The blob with everything added so far. */
  bytes(): Uint8Array {
    const typeBytes = 4 * this.#types.length;
    const blob = new Uint8Array(24 + typeBytes + this.#strings.length);
    const view = new DataView(blob.buffer);
    view.setUint16(0, BTF_MAGIC, true);
    view.setUint8(2, 1);
    [24, 0, typeBytes, typeBytes, this.#strings.length].forEach((word, index) => {
      view.setUint32(4 + 4 * index, word, true);
    });
    this.#types.forEach((word, index) => {
      view.setUint32(24 + 4 * index, word, true);
    });
    blob.set(this.#strings, 24 + typeBytes);
    return blob;
  }

  #words(type: NewBtfType): number[] {
    const head = (vlen: number, flag: boolean, last: number): number[] => [
      this.string(type.name),
      ((flag ? 0x8000_0000 : 0) | (kindNumber(type.kind) << 24) | vlen) >>> 0,
      last,
    ];
    switch (type.kind) {
      case 'void':
        return head(0, false, 0);
      case 'int':
        return [
          ...head(0, false, type.sizeBytes),
          ((type.encoding << 24) | (type.offsetBits << 16) | type.widthBits) >>> 0,
        ];
      case 'ptr':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'type_tag':
        return head(0, false, type.type);
      case 'array':
        return [...head(0, false, 0), type.elementType, type.indexType, type.length];
      case 'struct':
      case 'union':
        return [
          ...head(type.members.length, type.hasBitfields, type.sizeBytes),
          ...type.members.flatMap(({ name, type: memberType, offsetBits, bitfieldBits }) => [
            this.string(name),
            memberType,
            (type.hasBitfields ? (bitfieldBits << 24) | offsetBits : offsetBits) >>> 0,
          ]),
        ];
      case 'enum':
        return [
          ...head(type.enumerators.length, type.signed, type.sizeBytes),
          ...type.enumerators.flatMap(({ name, value }) => [this.string(name), Number(BigInt.asUintN(32, value))]),
        ];
      case 'enum64':
        return [
          ...head(type.enumerators.length, type.signed, type.sizeBytes),
          ...type.enumerators.flatMap(({ name, value }) => [
            this.string(name),
            Number(BigInt.asUintN(32, value)),
            Number(BigInt.asUintN(32, value >> 32n)),
          ]),
        ];
      case 'fwd':
        return head(0, type.isUnion, 0);
      case 'func':
        return head(type.linkage, false, type.prototype);
      case 'func_proto':
        return [
          ...head(type.parameters.length, false, type.returnType),
          ...type.parameters.flatMap((parameter) => [this.string(parameter.name), parameter.type]),
        ];
      case 'var':
        return [...head(0, false, type.type), type.linkage];
      case 'datasec':
        return [
          ...head(type.entries.length, false, type.sizeBytes),
          ...type.entries.flatMap((entry) => [entry.type, entry.offsetBytes, entry.sizeBytes]),
        ];
      case 'float':
        return head(0, false, type.sizeBytes);
      case 'decl_tag':
        return [...head(0, false, type.type), type.componentIndex >>> 0];
    }
  }
}
