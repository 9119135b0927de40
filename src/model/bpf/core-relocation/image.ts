/**
 * A BPF program as bytes, eight per instruction (RFC 9669 section 3), read and written in place: relocation changes single
 * fields of instructions it knows little about, so nothing is decoded further.
 *
 *   opcode:8 | dst:4 src:4 | offset:16 (signed) | imm:32 (signed)       little endian
 */

const INSTRUCTION_BYTES = 8;

/** Opcode of the 16-byte load of a 64-bit immediate, which occupies two slots. */
export const LD_IMM64 = 0x18;
/** Opcode of a call. */
export const CALL = 0x85;
/** Source register values that give a call or a 64-bit load its meaning (BPF_PSEUDO_*). */
export const PSEUDO_CALL = 1;
export const PSEUDO_FUNC = 4;

export class ProgramImage {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  /** Works on the bytes it is given; use {@link ProgramImage.copyOf} to leave them alone. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  static copyOf(bytes: Uint8Array): ProgramImage {
    return new ProgramImage(Uint8Array.from(bytes));
  }

  /** Instruction slots; a trailing part of one does not count. */
  get length(): number {
    return Math.floor(this.bytes.length / INSTRUCTION_BYTES);
  }

  opcode(index: number): number {
    return this.#view.getUint8(8 * index);
  }

  destination(index: number): number {
    return this.#view.getUint8(8 * index + 1) & 0xf;
  }

  source(index: number): number {
    return this.#view.getUint8(8 * index + 1) >> 4;
  }

  offset(index: number): number {
    return this.#view.getInt16(8 * index + 2, true);
  }

  immediate(index: number): number {
    return this.#view.getInt32(8 * index + 4, true);
  }

  setOpcode(index: number, opcode: number): void {
    this.#view.setUint8(8 * index, opcode);
  }

  setDestination(index: number, destination: number): void {
    this.#view.setUint8(8 * index + 1, (this.source(index) << 4) | destination);
  }

  setSource(index: number, source: number): void {
    this.#view.setUint8(8 * index + 1, (source << 4) | this.destination(index));
  }

  setOffset(index: number, offset: number): void {
    this.#view.setInt16(8 * index + 2, offset, true);
  }

  setImmediate(index: number, immediate: number): void {
    this.#view.setInt32(8 * index + 4, immediate, true);
  }

  /** Replaces a whole slot; one outside the image is not written. */
  setSlot(index: number, slot: { readonly opcode: number; readonly immediate: number }): void {
    if (index < 0 || index >= this.length) return;
    this.#view.setUint32(8 * index, slot.opcode, true);
    this.setImmediate(index, slot.immediate);
  }

  /** A call of another function of the same program. */
  isPseudoCall(index: number): boolean {
    return this.opcode(index) === CALL && this.source(index) === PSEUDO_CALL;
  }

  /** The first slot of a load of another function's address. */
  isPseudoFunction(index: number): boolean {
    return this.opcode(index) === LD_IMM64 && this.source(index) === PSEUDO_FUNC;
  }
}
