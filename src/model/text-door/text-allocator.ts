import type { TextAddress } from '../kernel/text-address.ts';

/** Who has text made at run time. */
export const textUsers = ['bpf', 'module', 'ftrace', 'kprobe'] as const;
export type TextUser = (typeof textUsers)[number];

/** Text as its user holds it. */
export interface HeldText {
  /** Of the first byte that is the user's to write. */
  readonly address: TextAddress;
  /** As asked for, in bytes. */
  readonly size: number;
}

/**
 * One door to every allocator of text that a kernel has or was meant to have: allocate, write, publish, free. What stands
 * behind it does as its kernel does, the user's side of the protocol included, so that the same work can be done on all of
 * them: `compare` and the suite `text-selftest` know nothing else.
 */
export interface TextAllocator {
  /** The kernel's function that users call. */
  readonly name: string;
  /** Room for `size` bytes of text; undefined stands for NULL. */
  allocate(size: number, cpu: number): HeldText | undefined;
  /** Writes before publication, wherever the kernel has them written; false when that is refused. */
  write(text: HeldText, at: number, bytes: Uint8Array, cpu: number): boolean;
  /** From here on it can be run; false when the kernel said that it failed. */
  publish(text: HeldText, cpu: number): boolean;
  /** Ends text, published or not. */
  free(text: HeldText, cpu: number): void;
  /** Runs the work that the kernel put off. */
  settle(cpu: number): void;
}
