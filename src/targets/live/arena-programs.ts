import type { AccessCall } from '../../operations/arena-call.ts';
import {
  callKernel,
  castToKernel,
  castToUser,
  copy,
  exit,
  type LiveInstruction,
  load,
  mapPointer,
  raw,
  set,
  skipUnless,
  store,
} from './bpf-instruction.ts';

/**
 * Programs that work on one arena, as data: one for calls and plain words, and one for each other way of accessing memory,
 * since width, offset and kind of an access are part of the instruction. All are of type SYSCALL and sleepable.
 */

/** Which part of {@link performOnArena} runs: word 0 of its context. */
export const ARENA_OPERATION = {
  alloc: 1,
  free: 2,
  reserve: 3,
  load: 4,
  store: 5,
  castUser: 6,
  castKernel: 7,
} as const;

/** What the words of a context are, by their place. */
export const ARENA_WORD = {
  operation: 0,
  address: 1,
  count: 2,
  node: 3,
  flags: 4,
  result: 5,
  value: 6,
  expect: 7,
} as const;
export const ARENA_WORDS = 8;

/** The ids of the functions that {@link performOnArena} calls, from the kernel's BTF. */
export interface ArenaFunctions {
  readonly alloc: number;
  readonly free: number;
  /** Since 6.17. */
  readonly reserve?: number | undefined;
}

const at = (word: keyof typeof ARENA_WORD): number => 8 * ARENA_WORD[word];
const keep = (register: number) => store(6, at('result'), register);

/** One program for all calls of an arena, and for loads and stores of whole words. It is bound to the arena it names. */
export function performOnArena(arena: number, { alloc, free, reserve }: ArenaFunctions): readonly LiveInstruction[] {
  const when = (operation: number, part: readonly LiveInstruction[]) => {
    const whole = [...part, set(0, 0), exit()];
    return [skipUnless(7, operation, whole.length), ...whole];
  };
  const target = [...mapPointer(1, arena), copy(2, 8), load(3, 6, at('count'))];
  const more = [load(4, 6, at('node')), load(5, 6, at('flags'))];
  return [
    copy(6, 1),
    load(7, 6, at('operation')),
    load(8, 6, at('address')),
    ...when(ARENA_OPERATION.alloc, [...target, ...more, callKernel(alloc), keep(0)]),
    ...when(ARENA_OPERATION.free, [...target, callKernel(free)]),
    ...(reserve === undefined ? [] : when(ARENA_OPERATION.reserve, [...target, callKernel(reserve), keep(0)])),
    ...when(ARENA_OPERATION.load, [castToKernel(2, 8), load(3, 2, 0), keep(3)]),
    ...when(ARENA_OPERATION.store, [castToKernel(2, 8), load(3, 6, at('value')), store(2, 0, 3)]),
    ...when(ARENA_OPERATION.castUser, [castToUser(2, 8), keep(2)]),
    ...when(ARENA_OPERATION.castKernel, [castToKernel(2, 8), keep(2)]),
    set(0, 99),
    exit(),
  ];
}

/**
 * A single access of any kind. The source register holds the value (what a load-acquire finds in its destination before it),
 * R0 what a compare-and-exchange expects; the register that the instruction changes is the result.
 */
export function accessArena(arena: number, call: AccessShape): readonly LiveInstruction[] {
  return [
    copy(6, 1),
    // The arena is named so that the program is bound to it.
    ...mapPointer(1, arena),
    load(2, 6, at('address')),
    load(3, 6, at('value')),
    load(0, 6, at('expect')),
    castToKernel(2, 2),
    accessInstruction(call),
    keep(call.access === 'cmpxchg' ? 0 : 3),
    set(0, 0),
    exit(),
  ];
}

export type AccessShape = Pick<AccessCall, 'access' | 'size' | 'offset'>;

/** The instruction, with the pointer in R2 and the value in R3 (RFC 9669, sections 5.2 and 5.3). */
function accessInstruction({ access, size, offset }: AccessShape): LiveInstruction {
  const width = WIDTHS[size];
  if (access === 'load') return raw(LDX | MEM | width, { destination: 3, source: 2, offset });
  if (access === 'store') return raw(STX | MEM | width, { destination: 2, source: 3, offset });
  const registers = access === 'ldacq' ? { destination: 3, source: 2 } : { destination: 2, source: 3 };
  return raw(STX | ATOMIC | width, { ...registers, offset, immediate: ATOMICS[access] });
}

const LDX = 0x01;
const STX = 0x03;
const MEM = 0x60;
const ATOMIC = 0xc0;
const WIDTHS = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 } as const;
const ATOMICS = {
  add: 0x00,
  fadd: 0x01,
  or: 0x40,
  and: 0x50,
  xor: 0xa0,
  xchg: 0xe1,
  cmpxchg: 0xf1,
  ldacq: 0x100,
  strel: 0x110,
} as const;
