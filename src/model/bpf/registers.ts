/**
 * The last of the registers behind the frame pointer, which the verifier and the JIT use for their own instructions
 * (MAX_BPF_REG, "AX"): 11 is that register until 7.2, which gives it to arguments on the stack and takes 12.
 */
export const LAST_REGISTER = 12;
const REGISTERS = LAST_REGISTER + 1;

/**
 * The registers of a BPF program, seen as 64-bit and as 32-bit numbers, each signed and unsigned: register n is word n,
 * its low half is half 2n, and its low byte is byte 8n. The immediates of a program stand behind the registers, so an operation reads its source
 * the same way whether it is a register or a constant.
 */
export class BpfRegisters {
  readonly words: BigUint64Array;
  readonly signed: BigInt64Array;
  readonly halves: Uint32Array;
  readonly signedHalves: Int32Array;
  readonly bytes: Uint8Array;

  readonly #constants = new Map<bigint, number>();

  /** `constants` bounds how many different immediates {@link constant} can hold. */
  constructor(constants: number) {
    const storage = new ArrayBuffer((REGISTERS + constants) * 8);
    this.words = new BigUint64Array(storage);
    this.signed = new BigInt64Array(storage);
    this.halves = new Uint32Array(storage);
    this.signedHalves = new Int32Array(storage);
    this.bytes = new Uint8Array(storage);
  }

  /** The word that holds an immediate. */
  constant(value: bigint): number {
    const word = this.#constants.get(value) ?? REGISTERS + this.#constants.size;
    this.#constants.set(value, word);
    this.signed[word] = value;
    return word;
  }
}
