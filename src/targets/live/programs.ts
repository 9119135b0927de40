import {
  callHelper,
  callKernel,
  castToKernel,
  copy,
  exit,
  type LiveInstruction,
  load,
  mapPointer,
  mapValue,
  set,
  skipIfAbove,
  skipUnless,
  store,
} from './bpf-instruction.ts';

/**
 * The BPF programs that the live target loads, as data. All are of type SYSCALL and sleepable; their context is an array of
 * 64-bit words that goes in and comes back. They need no BTF of their own and are never attached to anything.
 */

/** Does nothing; also the smallest program there is. */
export const doNothing: readonly LiveInstruction[] = [set(0, 0), exit()];

/** Word 0 becomes the kernel address of the calling task (helper 35, bpf_get_current_task). */
export const tellCurrentTask: readonly LiveInstruction[] = [
  copy(6, 1),
  callHelper(35),
  store(6, 0, 0),
  set(0, 0),
  exit(),
];

/** The most that {@link readKernel} copies at once. */
export const READ_WINDOW_BYTES = 65536;

/**
 * Copies `word 2` bytes at kernel address `word 0` into the only value of an array map, and puts the result of helper 113
 * (bpf_probe_read_kernel) into word 1: 0, -EFAULT for what is not mapped, -ERANGE for what is no kernel address. Such a
 * copy never faults, whatever the address. Word 1 stays as it was when more than the window is asked for.
 */
export function readKernel(windowMap: number): readonly LiveInstruction[] {
  const copyIntoWindow = [...mapValue(1, windowMap), callHelper(113), store(6, 8, 0)];
  return [
    copy(6, 1),
    load(3, 6, 0),
    load(2, 6, 16),
    skipIfAbove(2, READ_WINDOW_BYTES, copyIntoWindow.length),
    ...copyIntoWindow,
    set(0, 0),
    exit(),
  ];
}

/** Which part of {@link performOnArena} runs: word 0 of its context. */
export const ARENA_OPERATION = { alloc: 1, free: 2, load: 4, store: 5 } as const;

/** The ids of the functions that {@link performOnArena} calls, from the kernel's BTF. */
export interface ArenaFunctions {
  readonly alloc: number;
  readonly free: number;
}

/**
 * One program for all that BPF does with an arena. Words: 0 operation, 1 address, 2 page count, 3 node (-1 any), 4 flags,
 * 5 result, 6 value. A program is bound to the one arena it names.
 */
export function performOnArena(arena: number, functions: ArenaFunctions): readonly LiveInstruction[] {
  const when = (operation: number, part: readonly LiveInstruction[]) => {
    const whole = [...part, set(0, 0), exit()];
    return [skipUnless(7, operation, whole.length), ...whole];
  };
  const target = [...mapPointer(1, arena), copy(2, 8), load(3, 6, 16)];
  return [
    copy(6, 1),
    load(7, 6, 0),
    load(8, 6, 8),
    ...when(ARENA_OPERATION.alloc, [
      ...target,
      load(4, 6, 24),
      load(5, 6, 32),
      callKernel(functions.alloc),
      store(6, 40, 0),
    ]),
    ...when(ARENA_OPERATION.free, [...target, callKernel(functions.free)]),
    ...when(ARENA_OPERATION.load, [castToKernel(2, 8), load(3, 2, 0), store(6, 40, 3)]),
    ...when(ARENA_OPERATION.store, [castToKernel(2, 8), load(3, 6, 48), store(2, 0, 3)]),
    set(0, 99),
    exit(),
  ];
}
