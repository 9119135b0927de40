import { readFileSync } from 'node:fs';

/**
 * Finds names in the kernel's own BTF (/sys/kernel/btf/vmlinux): the number of a function, the place of a structure's member.
 * Nothing is validated, since the kernel wrote it; the model's BTF reader is the one that judges.
 *
 * Names are deduplicated in the kernel's string section, so a name is found by its place there, not by comparing letters.
 */
export class BtfLookup {
  readonly #bytes: Buffer;
  readonly #strings: number;
  /** Where each type's record begins; entry 0 is void. */
  readonly #types: readonly number[];

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
    const header = bytes.readUInt32LE(4);
    const begin = header + bytes.readUInt32LE(8);
    const end = begin + bytes.readUInt32LE(12);
    this.#strings = header + bytes.readUInt32LE(16);
    const types = [0];
    for (let at = begin; at < end; at += RECORD + this.#tail(at)) types.push(at);
    this.#types = types;
  }

  /** Reads the kernel's BTF; an Error as the file system gives it where there is none. */
  static ofKernel(): BtfLookup | Error {
    try {
      return new BtfLookup(readFileSync('/sys/kernel/btf/vmlinux'));
    } catch (error) {
      return error as Error;
    }
  }

  get typeCount(): number {
    return this.#types.length - 1;
  }

  /** The id of a function, undefined where the kernel has none of this name. */
  functionId(name: string): number | undefined {
    return this.#find(name, KIND_FUNC);
  }

  /** The offset in bytes of a member, anonymous members searched as well; undefined where there is none. */
  offsetOf(structure: string, member: string): number | undefined {
    const id = this.#find(structure, KIND_STRUCT);
    return id === undefined ? undefined : this.#member(id, member);
  }

  /** The size of a structure in bytes. */
  sizeOf(structure: string): number | undefined {
    const id = this.#find(structure, KIND_STRUCT);
    return id === undefined ? undefined : this.#bytes.readUInt32LE(this.#types[id]! + 8);
  }

  #find(name: string, kind: number): number | undefined {
    const wanted = Buffer.from(name);
    for (let id = 1; id < this.#types.length; id++) {
      const at = this.#types[id]!;
      if (this.#kind(at) === kind && this.#isNamed(this.#bytes.readUInt32LE(at), wanted)) return id;
    }
    return undefined;
  }

  #member(id: number, wanted: string): number | undefined {
    const at = this.#types[id]!;
    const info = this.#bytes.readUInt32LE(at + 4);
    const name = Buffer.from(wanted);
    for (let index = 0; index < (info & 0xffff); index++) {
      const member = at + RECORD + 12 * index;
      const place = this.#bytes.readUInt32LE(member + 8);
      // With the kind flag the upper eight bits hold the size of a bit field.
      const offset = (info >>> 31 === 1 ? place & 0xff_ffff : place) / 8;
      const named = this.#bytes.readUInt32LE(member);
      if (named !== 0 && this.#isNamed(named, name)) return offset;
      const inner = named === 0 ? this.#compositeBehind(this.#bytes.readUInt32LE(member + 4)) : undefined;
      const within = inner === undefined ? undefined : this.#member(inner, wanted);
      if (within !== undefined) return offset + within;
    }
    return undefined;
  }

  /** The structure or union that a type is, modifiers and type names taken away. */
  #compositeBehind(id: number): number | undefined {
    for (let at = this.#types[id]!; ; at = this.#types[id]!) {
      const kind = this.#kind(at);
      if (kind === KIND_STRUCT || kind === KIND_UNION) return id;
      if (kind < KIND_TYPEDEF || kind > KIND_RESTRICT) return undefined;
      id = this.#bytes.readUInt32LE(at + 8);
    }
  }

  #kind(at: number): number {
    return (this.#bytes.readUInt32LE(at + 4) >>> 24) & 0x1f;
  }

  #isNamed(string: number, name: Buffer): boolean {
    const at = this.#strings + string;
    return this.#bytes[at + name.length] === 0 && this.#bytes.compare(name, 0, name.length, at, at + name.length) === 0;
  }

  /** The bytes of a record behind its first twelve (Documentation/bpf/btf.rst). */
  #tail(at: number): number {
    const count = this.#bytes.readUInt32LE(at + 4) & 0xffff;
    const [each = 0, once = 0] = TAILS[this.#kind(at)] ?? [];
    return each * count + once;
  }
}

const RECORD = 12;
const KIND_STRUCT = 4;
const KIND_UNION = 5;
const KIND_TYPEDEF = 8;
const KIND_RESTRICT = 11;
const KIND_FUNC = 12;

/** By kind: bytes for each of the record's members, and bytes once. Kinds without an entry have neither. */
const TAILS: Readonly<Record<number, readonly [each: number, once: number]>> = {
  1: [0, 4], // INT
  3: [0, 12], // ARRAY
  4: [12, 0], // STRUCT
  5: [12, 0], // UNION
  6: [8, 0], // ENUM
  13: [8, 0], // FUNC_PROTO
  14: [0, 4], // VAR
  15: [12, 0], // DATASEC
  17: [0, 4], // DECL_TAG
  19: [12, 0], // ENUM64
};
