import {
  callHelper,
  copy,
  exit,
  type LiveInstruction,
  load,
  mapValue,
  set,
  skipIfAbove,
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
