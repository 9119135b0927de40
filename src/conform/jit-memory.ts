import { u64 } from '../base/word.ts';
import { Class, decodeInstructions, type Instruction } from '../model/bpf/instruction.ts';
import { FRAME_BYTES, MOST_FRAMES } from '../model/bpf/interpreter.ts';
import { addressOf, type JitMachine } from '../model/bpf/jit/machine.ts';
import { FlatMemory } from '../model/machine/cpu/flat-memory.ts';
import { type JitRecord, jitInput } from './jit-record.ts';
import type { PacketLayout } from './jit-recorded-filter.ts';
import { recordedSkb } from './jit-skb.ts';

/**
 * The memory a recorded program ran in, as far as the recording tells: its code, context, arena and maps, and the thunks
 * it leaves through. Maps are as they are created, all zero.
 */
export interface JitMemory {
  readonly memory: FlatMemory;
  readonly context: bigint;
  readonly contextLength: number;
  readonly stackTop: bigint;
  readonly arena: { readonly kernelStart: bigint; readonly userStart: bigint } | undefined;
  /** Where this CPU's copy of per-CPU variables is, relative to their link addresses. */
  readonly perCpuOffset: bigint;
}

/** What all lines of a boot share. */
export interface JitHost {
  readonly machine: JitMachine;
  readonly packet: PacketLayout;
}

/** What the recording leaves open, decided one way. A result that another decision changes says less, or nothing. */
export interface Unstated {
  /** Every byte of an uninitialised stack, and of kernel objects the program reads. */
  readonly filler: number;
  /** The content of the arena's first page, where it is not what the recorder fills it with. */
  readonly arenaPage?: Uint8Array | undefined;
  /** The program in every slot of a program array; without one the slots are empty. */
  readonly tailCallTarget?: JitRecord | undefined;
  /** The code of the exception callback, of which the recording has the first 48 bytes. */
  readonly callback?: Uint8Array | undefined;
}

/** Chosen by us, in the ranges where the kernel has such things: the direct map and vmalloc space. */
const CONTEXT = 0xffff_8881_4000_0000n;
const STACK = 0xffff_c900_0010_0000n;
const SKB_DATA = 0xffff_8881_5000_0000n;
/** Such that this offset and a per-CPU pointer of the recorded kernel make an address in its per-CPU area. */
const PER_CPU_OFFSET = 0xffff_8881_b500_0000n;
const STACK_BYTES = MOST_FRAMES * FRAME_BYTES + 4096;

/** The recorder filled an arena's first page so, and left its other pages absent. Found by comparing all its loads. */
const ARENA_PAGE = Uint8Array.from({ length: 4096 }, (_, index) => index * 5 + 3);

export function jitMemory(line: JitRecord, host: JitHost, unstated: Unstated): JitMemory {
  const { filler, arenaPage, tailCallTarget, callback } = unstated;
  const memory = new FlatMemory();
  const contextLength = line.ctx_len;
  mapFilled(memory, CONTEXT, contextLength, filler);
  const skb = recordedSkb(line, host.packet);
  if (skb === undefined) memory.write(CONTEXT, contextBytes(line, filler));
  else {
    mapFilled(memory, SKB_DATA, skb.data.length, filler);
    memory.write(SKB_DATA, skb.data);
    memory.write(CONTEXT, skb.fieldsOver(new Uint8Array(contextLength).fill(filler), SKB_DATA));
  }
  mapFilled(memory, STACK, STACK_BYTES, filler);
  const instructions = decodeInstructions(jitInput(line)) ?? [];
  for (const variable of kernelVariables(instructions)) mapFilled(memory, variable, 8, filler);
  const perCpuOffset = mapPerCpu(memory, line, instructions, filler);
  mapCallDepth(memory, perCpuOffset, host.machine);
  mapCode(memory, line, host.machine);
  if (line.exception_cb !== undefined && callback !== undefined) mapText(memory, line.exception_cb.addr, callback);
  for (const { type, kptr, val } of line.maps) {
    memory.map(kptr, 4096);
    if (val !== 0n) memory.map(val, 4096);
    if (type === PROGRAM_ARRAY) fillProgramArray(memory, kptr, tailCallTarget, host.machine);
  }
  return {
    memory,
    context: CONTEXT,
    contextLength,
    stackTop: STACK + BigInt(STACK_BYTES),
    arena: mapArena(memory, line, arenaPage ?? ARENA_PAGE),
    perCpuOffset,
  };
}

/** The recorder's context for programs of type SYSCALL, as its description states it. Other contexts are not stated. */
export function contextBytes({ prog_type, ctx_len }: JitRecord, filler: number): Uint8Array {
  const bytes = new Uint8Array(ctx_len).fill(filler);
  if (prog_type === SYSCALL_PROGRAM) for (let index = 0; index < ctx_len; index++) bytes[index] = index * 37 + 11;
  return bytes;
}

export const SYSCALL_PROGRAM = 31;

function mapFilled(memory: FlatMemory, address: bigint, length: number, filler: number): void {
  memory.map(address, length);
  memory.write(
    address & ~0xfffn,
    new Uint8Array(Math.ceil((Number(address & 0xfffn) + length) / 4096) * 4096).fill(filler),
  );
}

/** Addresses of kernel variables (jiffies, for one) that the verifier put into the program in place of a helper. */
function kernelVariables(instructions: readonly Instruction[]): bigint[] {
  return instructions.flatMap(({ opcode, immediate }, index) => {
    if (opcode !== 0x18 || instructions[index + 1]?.immediate !== -1) return [];
    const address = BigInt.asUintN(64, BigInt(immediate));
    return address >= KERNEL_IMAGE && address < KERNEL_IMAGE_END ? [address] : [];
  });
}

/** Where the kernel image is mapped; modules and JITed code come after it (Documentation/arch/x86/x86_64/mm.rst). */
const KERNEL_IMAGE = 0xffff_ffff_8000_0000n;
const KERNEL_IMAGE_END = 0xffff_ffff_c000_0000n;

/** The arena's band starts where the register that holds its base says; its first page follows the user address. */
function mapArena(memory: FlatMemory, line: JitRecord, page: Uint8Array): JitMemory['arena'] {
  const kernelStart = line.funcs[0]?.arena_kern;
  const userStart = line.arena_user;
  if (kernelStart === undefined || userStart === undefined) return undefined;
  const firstPage = kernelStart + (userStart & 0xffff_ffffn);
  memory.map(firstPage, 4096);
  memory.write(firstPage, page);
  return { kernelStart, userStart };
}

/** Puts this CPU's offset where gs finds it, the private stack where it leads, and a page under each variable asked for. */
function mapPerCpu(memory: FlatMemory, line: JitRecord, instructions: readonly Instruction[], filler: number): bigint {
  const framePointer = line.funcs.find(({ priv_frame_ptr }) => priv_frame_ptr !== undefined)?.priv_frame_ptr;
  const offset = PER_CPU_OFFSET;
  for (const variable of perCpuVariables(instructions)) {
    mapFilled(memory, BigInt.asUintN(64, offset + variable), 16, filler);
  }
  if (framePointer !== undefined) mapFilled(memory, u64(offset + framePointer - 0x4000n), 0x8000, filler);
  if (line.this_cpu_off32 !== undefined) {
    const variable = BigInt.asIntN(32, BigInt(line.this_cpu_off32));
    const place = BigInt.asUintN(64, offset + variable);
    memory.map(place, 8);
    memory.write(place, wordBytes(offset));
  }
  return offset;
}

/** The counter that a machine counts its calls in; its value has no meaning to a program. */
function mapCallDepth(memory: FlatMemory, perCpuOffset: bigint, { callDepthCounter }: JitMachine): void {
  if (callDepthCounter === undefined) return;
  memory.map(BigInt.asUintN(64, perCpuOffset + BigInt(callDepthCounter)), 8);
}

/** Link addresses a program turns into per-CPU ones: a MOV of an immediate, then the per-CPU MOV of that register. */
function perCpuVariables(instructions: readonly Instruction[]): bigint[] {
  return instructions.flatMap(({ opcode, offset, src }, index) => {
    const before = instructions[index - 1];
    const isPerCpuMove = opcode === (Class.ALU64 | 0xb8) && offset === -1;
    return isPerCpuMove && before !== undefined && before.dst === src ? [BigInt(before.immediate)] : [];
  });
}

/** BPF_MAP_TYPE_PROG_ARRAY. */
export const PROGRAM_ARRAY = 3;
const SLOTS = 4;
/** A struct bpf_prog of ours. */
const PROGRAM = 0xffff_8881_6000_0000n;

/** What the code of a tail call reads: how many slots there are, the program in a slot, and where its code is. */
function fillProgramArray(memory: FlatMemory, map: bigint, target: JitRecord | undefined, machine: JitMachine): void {
  const { maxEntries, pointers, bpfFunc } = machine.offsets;
  memory.write(map + BigInt(maxEntries), Uint8Array.of(SLOTS, 0, 0, 0));
  if (target === undefined) return;
  for (let slot = 0; slot < SLOTS; slot++) {
    memory.write(map + BigInt(pointers + 8 * slot), wordBytes(PROGRAM));
  }
  memory.map(PROGRAM, 4096);
  memory.write(PROGRAM + BigInt(bpfFunc), wordBytes(target.funcs[0]!.addr));
  mapCode(memory, target, machine);
}

function wordBytes(word: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, word, true);
  return bytes;
}

/** Code as the kernel had it; the return thunk is a bare return and the jump thunk a bare jump through rcx. */
function mapCode(memory: FlatMemory, line: JitRecord, { indirectJump }: JitMachine): void {
  let taken = 0;
  for (const { addr, len } of line.funcs) {
    mapText(memory, addr, line.jited.subarray(taken, taken + len));
    taken += len;
  }
  if (line.ret_thunk !== NO_THUNK) {
    mapText(memory, line.ret_thunk, Uint8Array.of(0xc3));
  }
  if (indirectJump.kind === 'thunk') {
    mapText(memory, addressOf(indirectJump.address), Uint8Array.of(0xff, 0xe1));
  }
}

function mapText(memory: FlatMemory, address: bigint, code: Uint8Array): void {
  memory.map(address, code.length, { execute: true });
  memory.write(address, code);
}

/** A recorded function that ends with a plain return. */
const NO_THUNK = 0n;
