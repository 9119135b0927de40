import type { SystemCall } from '../language/system-call.ts';
import type { ElementCommand } from '../model/bpf/arena-elements.ts';
import type { AccessSize, ArenaProgram, AtomicKind } from '../model/bpf/arena-program.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import type { Process } from '../model/kernel/user-memory/process.ts';

/**
 * What steps on arenas ask of a running kernel. Addresses, lengths and flags are those of the call itself (64 bits where C has
 * a long); arenas, programs and processes are the model's, for which a target keeps descriptors and processes of its own.
 *
 * Answers: what makes something, and what succeeds without a value, answers 0; an errno is a text such as `-EINVAL`.
 */
export type ArenaCall = SystemCall &
  (
    | {
        readonly call: 'map-create';
        readonly flags: number;
        readonly maxEntries: number;
        readonly mapExtra: bigint;
        readonly keySize: number;
        readonly valueSize: number;
      }
    | { readonly call: 'close-map' | 'map-freeze' | 'prog-load'; readonly arena: ArenaMapping }
    | {
        readonly call: 'map-element';
        readonly arena: ArenaMapping;
        readonly command: ElementCommand;
        /** Whether pointers are given. */
        readonly key: boolean;
        readonly value: boolean;
      }
    | { readonly call: 'close-program'; readonly program: ArenaProgram }
    | PageCall
    | AccessCall
    | {
        readonly call: 'cast';
        readonly program: ArenaProgram;
        readonly pointer: bigint;
        readonly to: 'user' | 'kernel';
      }
    | { readonly call: 'new-process' }
    | { readonly call: 'end-process'; readonly process: Process }
    | MmapCall
    | {
        readonly call: 'munmap' | 'madvise-dontneed';
        readonly process: Process;
        readonly address: bigint;
        readonly length: bigint;
      }
    | {
        readonly call: 'mprotect';
        readonly process: Process;
        readonly address: bigint;
        readonly length: bigint;
        readonly protection: number;
      }
    | {
        readonly call: 'mremap';
        readonly process: Process;
        readonly address: bigint;
        readonly oldLength: bigint;
        readonly newLength: bigint;
        readonly flags: number;
        readonly newAddress: bigint;
      }
    | {
        readonly call: 'process-read';
        readonly process: Process;
        readonly address: bigint;
        readonly length: number;
      }
    | {
        readonly call: 'process-write';
        readonly process: Process;
        readonly address: bigint;
        readonly bytes: Uint8Array;
      }
  );

/** One of the kernel functions for pages. Addresses that it answers are relative to the base; NULL is the text `NULL`. */
export interface PageCall {
  readonly call: 'alloc-pages' | 'reserve-pages' | 'free-pages';
  readonly program: ArenaProgram;
  /** The 64-bit register. */
  readonly address: bigint;
  readonly count: number;
  readonly node?: number;
  readonly flags?: bigint;
}

/** A single instruction of a program that accesses the arena. Answers with the register it leaves and the fault it reports. */
export interface AccessCall {
  readonly call: 'access';
  readonly program: ArenaProgram;
  readonly access: 'load' | 'store' | AtomicKind;
  readonly pointer: bigint;
  /** The instruction's signed 16-bit offset. */
  readonly offset: number;
  readonly size: AccessSize;
  readonly value: bigint;
  readonly expect: bigint;
}

interface MmapCall {
  readonly call: 'mmap';
  readonly process: Process;
  readonly arena: ArenaMapping;
  readonly address: bigint;
  readonly length: bigint;
  readonly protection: number;
  readonly flags: number;
  readonly offset: bigint;
}

/** Ties the literal to the type, so that an operation's block stays short. */
export const arenaCall = (call: ArenaCall): ArenaCall => call;
