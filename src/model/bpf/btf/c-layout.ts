/**
 * How C lays out what BTF describes (x86-64 System V ABI: alignment, bitfields in units of their type), and what has to be
 * added to a printed struct so that a compiler puts every member where BTF has it: padding, or `packed`.
 */
import type { Btf } from './blob.ts';
import type { BtfComposite, BtfMember } from './type.ts';
import { BtfError } from './wire.ts';

/** A line of a printed struct. */
type LayoutPiece =
  | { readonly kind: 'member'; readonly member: BtfMember }
  | { readonly kind: 'padding'; readonly type: 'char' | 'short' | 'int' | 'long'; readonly bits: number };

export interface CLayout {
  readonly pieces: readonly LayoutPiece[];
  readonly packed: boolean;
}

/** Layouts of one blob's types, each computed once: structs nest deeply and are asked about often. */
export class CLayouts {
  readonly #btf: Btf;
  readonly #alignments = new Map<number, number>();
  readonly #packed = new Map<number, boolean>();

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  /** Members and padding of a struct or union, in order. */
  layoutOf(composite: BtfComposite): CLayout {
    const packed = this.#isPacked(composite);
    if (composite.kind === 'union')
      return { packed, pieces: composite.members.map((member) => ({ kind: 'member', member })) };
    const pieces: LayoutPiece[] = [];
    let at = 0;
    for (const member of composite.members) {
      const unit = 8 * this.alignmentOf(member.type);
      if (naturalStart(member, at, unit, packed) !== member.offsetBits) pieces.push(...padding(at, member.offsetBits));
      pieces.push({ kind: 'member', member });
      at = member.offsetBits + (member.bitfieldBits || 8 * (this.#btf.sizeBytes(member.type) ?? 0));
    }
    const end = roundUpTo(at, 8 * this.alignmentOf(composite.id));
    if (end < 8 * composite.sizeBytes) pieces.push(...padding(at, 8 * composite.sizeBytes));
    return { pieces, packed };
  }

  /** Bytes a C compiler aligns a type to, when it is printed by these rules. */
  alignmentOf(id: number): number {
    const known = this.#alignments.get(id);
    if (known !== undefined) return known;
    // Stands until the answer is known, so that a type inside itself ends the walk.
    this.#alignments.set(id, 1);
    const alignment = this.#computeAlignment(id);
    this.#alignments.set(id, alignment);
    return alignment;
  }

  #computeAlignment(id: number): number {
    const type = this.#btf.resolve(id);
    switch (type?.kind) {
      case 'ptr':
        return 8;
      case 'int':
      case 'enum':
      case 'enum64':
      case 'float':
        return Math.min(16, type.sizeBytes) || 1;
      case 'array':
        return this.alignmentOf(type.elementType);
      case 'struct':
      case 'union':
        return this.#isPacked(type) ? 1 : this.#largestAlignment(type);
      default:
        return 1;
    }
  }

  #largestAlignment({ members }: BtfComposite): number {
    return members.reduce((largest, { type }) => Math.max(largest, this.alignmentOf(type)), 1);
  }

  /** Whether only `packed` can give these places: a member off its alignment, or a size that is no multiple of the largest. */
  #isPacked(composite: BtfComposite): boolean {
    const known = this.#packed.get(composite.id);
    if (known !== undefined) return known;
    const packed =
      composite.sizeBytes % this.#largestAlignment(composite) !== 0 ||
      composite.members.some((member) => {
        const unit = 8 * this.alignmentOf(member.type);
        if (member.bitfieldBits === 0) return member.offsetBits % unit !== 0;
        const last = member.offsetBits + member.bitfieldBits - 1;
        return Math.floor(member.offsetBits / unit) !== Math.floor(last / unit);
      });
    this.#packed.set(composite.id, packed);
    return packed;
  }
}

/** Where a compiler puts a member of this alignment (in bits) that follows `at` bits. */
function naturalStart({ bitfieldBits }: BtfMember, at: number, unit: number, packed: boolean): number {
  if (bitfieldBits === 0) return roundUpTo(at, packed ? 8 : unit);
  const fits = packed || Math.floor(at / unit) === Math.floor((at + bitfieldBits - 1) / unit);
  return fits ? at : roundUpTo(at, unit);
}

/** Nameless bitfields from one bit to another, each as large as its place allows. Throws BtfError for a gap no header would have. */
function padding(from: number, to: number): LayoutPiece[] {
  if (to - from > LARGEST_GAP_BITS) throw new BtfError(`a gap of ${Math.floor((to - from) / 8)} bytes between members`);
  const pieces: LayoutPiece[] = [];
  let at = from;
  while (at < to) {
    const unit = UNITS.find(({ bits }) => at % bits === 0 && at + bits <= to) ?? UNITS.at(-1)!;
    const bits = Math.min(unit.bits - (at % unit.bits), to - at);
    pieces.push({ kind: 'padding', type: unit.type, bits });
    at += bits;
  }
  return pieces;
}

/** 1 MiB, printed as 131,072 lines. */
const LARGEST_GAP_BITS = 1 << 23;

const UNITS = [
  { type: 'long', bits: 64 },
  { type: 'int', bits: 32 },
  { type: 'short', bits: 16 },
  { type: 'char', bits: 8 },
] as const;

const roundUpTo = (value: number, step: number): number => Math.ceil(value / step) * step;
