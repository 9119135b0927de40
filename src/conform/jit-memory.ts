import { CLASS, type Instruction, readInstructions } from '../model/bpf/encoding.ts';
import { FRAME_BYTES, MOST_FRAMES } from '../model/bpf/interpreter.ts';
import { FlatMemory } from '../model/machine/cpu/flat-memory.ts';
import { type JitLine, jitInput } from './jit-line.ts';

/**
 * The memory a recorded program ran in, as far as the recording tells: its code, context, arena and maps, and the thunks
 * it leaves through. Bytes the recording does not tell (an uninitialised stack, the fields of an sk_buff, the content of
 * maps) are all `filler`: a result that is another for another filler cannot be judged.
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

/** Chosen by us, in the ranges where the kernel has such things: the direct map and vmalloc space. */
const CONTEXT = 0xffff_8881_4000_0000n;
const STACK = 0xffff_c900_0010_0000n;
const PRIVATE_STACK = 0xffff_8882_0000_0000n;
const STACK_BYTES = MOST_FRAMES * FRAME_BYTES + 4096;

/** The recorder filled an arena's first page so, and left its other pages absent. Found by comparing all its loads. */
const arenaByte = (index: number): number => (index * 5 + 3) & 0xff;

/** The recorder's context for programs of type SYSCALL, as its description states it. */
const contextByte = (index: number): number => (index * 37 + 11) & 0xff;

export const SYSCALL_PROGRAM = 31;

export function jitMemory(line: JitLine, filler: number): JitMemory {
  const memory = new FlatMemory();
  const contextLength = line.ctx_len;
  memory.map(CONTEXT, contextLength);
  fill(memory, CONTEXT, contextLength, line.prog_type === SYSCALL_PROGRAM ? contextByte : () => filler);
  memory.map(STACK, STACK_BYTES);
  fill(memory, STACK, STACK_BYTES, () => filler);
  const perCpuOffset = mapPerCpu(memory, line, filler);
  mapCode(memory, line);
  for (const { kptr, val } of line.maps) {
    memory.map(kptr, 4096);
    if (val !== 0n) memory.map(val, 4096);
  }
  return {
    memory,
    context: CONTEXT,
    contextLength,
    stackTop: STACK + BigInt(STACK_BYTES),
    arena: mapArena(memory, line),
    perCpuOffset,
  };
}

function fill(memory: FlatMemory, address: bigint, length: number, byteAt: (index: number) => number): void {
  memory.write(
    address,
    Uint8Array.from({ length }, (_, index) => byteAt(index)),
  );
}

/** The arena's band starts where the register that holds its base says; its first page follows the user address. */
function mapArena(memory: FlatMemory, line: JitLine): JitMemory['arena'] {
  const kernelStart = line.funcs[0]?.arena_kern;
  const userStart = line.arena_user;
  if (kernelStart === undefined || userStart === undefined) return undefined;
  const firstPage = kernelStart + (userStart & 0xffff_ffffn);
  memory.map(firstPage, 4096);
  fill(memory, firstPage, 4096, arenaByte);
  return { kernelStart, userStart };
}

/** Puts this CPU's offset where gs finds it, the private stack where it leads, and a page under each variable asked for. */
function mapPerCpu(memory: FlatMemory, line: JitLine, filler: number): bigint {
  const framePointer = line.funcs.find(({ priv_frame_ptr }) => priv_frame_ptr !== undefined)?.priv_frame_ptr;
  const offset = BigInt.asUintN(64, PRIVATE_STACK - ((framePointer ?? 0n) & ~0xfffn));
  for (const variable of perCpuVariables(readInstructions(jitInput(line)))) mapWrapped(memory, offset + variable);
  if (framePointer !== undefined) {
    memory.map(PRIVATE_STACK - 0x8000n, 0x10000);
    fill(memory, PRIVATE_STACK - 0x8000n, 0x10000, () => filler);
  }
  if (line.this_cpu_off32 !== undefined) {
    const variable = BigInt.asIntN(32, line.this_cpu_off32);
    const place = mapWrapped(memory, offset + variable);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, offset, true);
    memory.write(place, bytes);
  }
  return offset;
}

function mapWrapped(memory: FlatMemory, address: bigint): bigint {
  const wrapped = BigInt.asUintN(64, address);
  memory.map(wrapped, 16);
  return wrapped;
}

/** Link addresses a program turns into per-CPU ones: a MOV of an immediate, then the per-CPU MOV of that register. */
function perCpuVariables(instructions: readonly Instruction[]): bigint[] {
  return instructions.flatMap(({ opcode, offset, src }, index) => {
    const before = instructions[index - 1];
    const isPerCpuMove = opcode === (CLASS.ALU64 | 0xb8) && offset === -1;
    return isPerCpuMove && before !== undefined && before.dst === src ? [BigInt(before.imm)] : [];
  });
}

/** Code as the kernel had it; the return thunk is a bare return and the jump thunk a bare jump through rcx. */
function mapCode(memory: FlatMemory, line: JitLine): void {
  let taken = 0;
  for (const { addr, len } of line.funcs) {
    memory.map(addr, len, { execute: true });
    memory.write(addr, line.jited.subarray(taken, taken + len));
    taken += len;
  }
  memory.map(line.ret_thunk, 1, { execute: true });
  memory.write(line.ret_thunk, Uint8Array.of(0xc3));
  if (line.jmp_thunk_rcx !== undefined) {
    memory.map(line.jmp_thunk_rcx, 2, { execute: true });
    memory.write(line.jmp_thunk_rcx, Uint8Array.of(0xff, 0xe1));
  }
  if (line.exception_cb !== undefined) mapExceptionCallback(memory, line.exception_cb, line.ret_thunk);
}

/** The recording keeps 48 bytes; a longer callback loses bytes of the jump to the return thunk that ends it. */
function mapExceptionCallback(
  memory: FlatMemory,
  { addr, bytes48 }: NonNullable<JitLine['exception_cb']>,
  returnThunk: bigint,
): void {
  memory.map(addr, bytes48.length + 4, { execute: true });
  const jump = bytes48.lastIndexOf(0xe9);
  memory.write(addr, bytes48);
  if (jump < 0 || jump + 5 <= bytes48.length) return;
  const distance = new Uint8Array(4);
  new DataView(distance.buffer).setInt32(0, Number(returnThunk - (addr + BigInt(jump) + 5n)), true);
  memory.write(addr + BigInt(jump + 1), distance);
}
