/**
 * How a translated classic filter reads packet bytes (net/core/filter.c:convert_bpf_ld_abs()), and the registers and small
 * instructions that the translation is written in.
 */
import { Class, type Instruction, instruction, Jump, Mode, Operation, Size, Source } from './instruction.ts';

/** What the translation needs of the kernel: offsets in struct sk_buff, and helpers as immediates of a call. */
export interface PacketAccess {
  readonly dataOffset: number;
  readonly lengthOffset: number;
  /** data_len: the part that is not in the linear buffer. */
  readonly fragmentLengthOffset: number;
  /** bpf_skb_load_helper_8, _16 and _32, relative to __bpf_call_base. */
  readonly loadHelpers: { readonly byte: number; readonly half: number; readonly word: number };
}

export const A = 0;
export const X = 7;
export const CONTEXT = 6;
/** skb->data and the length of the linear part, kept over the whole filter when it reads packet data. */
const DATA = 8;
const HEAD_LENGTH = 9;
export const TEMPORARY = 2;

/** Brings the packet into reach, once for the whole filter. */
export function openPacket(packet: PacketAccess): Instruction[] {
  return [
    load(Size.DW, DATA, CONTEXT, packet.dataOffset),
    load(Size.W, HEAD_LENGTH, CONTEXT, packet.lengthOffset),
    load(Size.W, TEMPORARY, CONTEXT, packet.fragmentLengthOffset),
    instruction(Class.ALU | Operation.SUB | Source.X, { dst: HEAD_LENGTH, src: TEMPORARY }),
  ];
}

/** X = 4 * (packet[k] & 0xf), the length of an IP header, with A kept. */
export function headerLength(k: number, packet: PacketAccess): Instruction[] {
  return [
    move(X, A),
    ...readPacket(Size.B, k | 0, false, packet),
    instruction(Class.ALU | Operation.AND, { dst: A, immediate: 0xf }),
    instruction(Class.ALU | Operation.LSH, { dst: A, immediate: 2 }),
    move(TEMPORARY, X),
    move(X, A),
    move(A, TEMPORARY),
  ];
}

/**
 * Packet bytes in network order: straight from the linear part when the offset is a constant inside it, else through a
 * helper; a negative answer of the helper ends the filter with 0.
 */
export function readPacket(size: number, offset: number, indirect: boolean, packet: PacketAccess): Instruction[] {
  const { byte, half, word } = packet.loadHelpers;
  const helper = size === Size.B ? byte : size === Size.H ? half : word;
  const argument = indirect
    ? [move(4, X), ...(offset === 0 ? [] : [instruction(Class.ALU64 | Operation.ADD, { dst: 4, immediate: offset })])]
    : [instruction(Class.ALU64 | Operation.MOV, { dst: 4, immediate: offset })];
  const slow = [
    move(1, CONTEXT),
    move(2, DATA),
    move(3, HEAD_LENGTH),
    ...argument,
    instruction(Class.JMP | Jump.CALL, { immediate: helper }),
    jumpIf(Jump.JSGE, A, 0, 2),
    clear(A),
    exit,
  ];
  return indirect || offset < 0 ? slow : [...readLinear(size, offset, slow.length), ...slow];
}

function readLinear(size: number, offset: number, slowLength: number): Instruction[] {
  const bytes = size === Size.B ? 1 : size === Size.H ? 2 : 4;
  const read =
    offset <= 0x7fff
      ? [load(size, A, DATA, offset)]
      : [
          move(TEMPORARY, DATA),
          instruction(Class.ALU64 | Operation.ADD, { dst: TEMPORARY, immediate: offset }),
          load(size, A, TEMPORARY, 0),
        ];
  const swap = bytes === 1 ? [] : [instruction(Class.ALU | Operation.END | Source.X, { dst: A, immediate: bytes * 8 })];
  return [
    move(TEMPORARY, HEAD_LENGTH),
    ...(offset === 0 ? [] : [instruction(Class.ALU64 | Operation.SUB, { dst: TEMPORARY, immediate: offset })]),
    jumpIf(Jump.JSLT, TEMPORARY, bytes, read.length + swap.length + 1),
    ...read,
    ...swap,
    instruction(Class.JMP | Jump.JA, { offset: slowLength }),
  ];
}

export const exit = instruction(Class.JMP | Jump.EXIT);
export const clear = (dst: number) => instruction(Class.ALU | Operation.XOR | Source.X, { dst, src: dst });
export const move = (dst: number, src: number) => instruction(Class.ALU64 | Operation.MOV | Source.X, { dst, src });
export const setTo = (dst: number, immediate: number) => instruction(Class.ALU | Operation.MOV, { dst, immediate });
export const load = (size: number, dst: number, src: number, offset: number) =>
  instruction(Class.LDX | Mode.MEM | size, { dst, src, offset });
export const jumpIf = (condition: number, dst: number, immediate: number, offset: number) =>
  instruction(Class.JMP | condition, { dst, immediate, offset });
