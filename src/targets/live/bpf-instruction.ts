/**
 * The few BPF instructions that the live target's own programs are made of, as the eight bytes the kernel takes (RFC 9669,
 * section 3). The verifier of the kernel judges them; nothing here does.
 */
export interface LiveInstruction {
  readonly code: number;
  readonly destination: number;
  readonly source: number;
  readonly offset: number;
  readonly immediate: number;
}

const encoding = (code: number, fields: Partial<Omit<LiveInstruction, 'code'>>): LiveInstruction => ({
  code,
  destination: 0,
  source: 0,
  offset: 0,
  immediate: 0,
  ...fields,
});

/** `destination = immediate`, 64 bits. */
export const set = (destination: number, immediate: number) => encoding(0xb7, { destination, immediate });

/** `destination = source`, 64 bits. */
export const copy = (destination: number, source: number) => encoding(0xbf, { destination, source });

/** `destination = *(u64 *)(source + offset)`. */
export const load = (destination: number, source: number, offset: number) =>
  encoding(0x79, { destination, source, offset });

/** `*(u64 *)(destination + offset) = source`. */
export const store = (destination: number, offset: number, source: number) =>
  encoding(0x7b, { destination, source, offset });

/** Skips the next `instructions` where the register is above an unsigned immediate. */
export const skipIfAbove = (destination: number, immediate: number, instructions: number) =>
  encoding(0x25, { destination, immediate, offset: instructions });

/** Skips the next `instructions` where the register differs from an immediate. */
export const skipUnless = (destination: number, immediate: number, instructions: number) =>
  encoding(0x55, { destination, immediate, offset: instructions });

/** Calls a helper by its number. */
export const callHelper = (immediate: number) => encoding(0x85, { immediate });

/** Calls a kernel function by the id of its FUNC in the kernel's BTF. */
export const callKernel = (immediate: number) => encoding(0x85, { source: PSEUDO_KFUNC_CALL, immediate });

/** `destination = constant`, all 64 bits; two slots. */
export const loadWide = (destination: number, constant: bigint) => [
  encoding(0x18, { destination, immediate: Number(BigInt.asIntN(32, constant)) }),
  encoding(0, { immediate: Number(BigInt.asIntN(32, constant >> 32n)) }),
];

/** `destination = the map behind a descriptor`; two slots. */
export const mapPointer = (destination: number, descriptor: number) => [
  encoding(0x18, { destination, source: PSEUDO_MAP_FD, immediate: descriptor }),
  encoding(0, {}),
];

/** `destination = address of the first value of an array map`; two slots. */
export const mapValue = (destination: number, descriptor: number) => [
  encoding(0x18, { destination, source: PSEUDO_MAP_VALUE, immediate: descriptor }),
  encoding(0, {}),
];

/** `destination = source`, from the user's address space of an arena to the kernel's. */
export const castToKernel = (destination: number, source: number) =>
  encoding(0xbf, { destination, source, offset: 1, immediate: 1 });

/** `destination = source`, from the kernel's address space of an arena to the user's. */
export const castToUser = (destination: number, source: number) =>
  encoding(0xbf, { destination, source, offset: 1, immediate: 0x10000 });

/** Any other instruction, by its opcode. */
export const raw = encoding;

export const exit = () => encoding(0x95, {});

const PSEUDO_MAP_FD = 1;
const PSEUDO_MAP_VALUE = 2;
const PSEUDO_KFUNC_CALL = 2;

/** Writes a program into memory, eight bytes an instruction. */
export function encode(program: readonly LiveInstruction[], view: DataView): void {
  program.forEach(({ code, destination, source, offset, immediate }, index) => {
    const at = index * 8;
    view.setUint8(at, code);
    view.setUint8(at + 1, destination | (source << 4));
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, immediate, true);
  });
}
