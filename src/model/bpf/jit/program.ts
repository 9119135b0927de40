/** What goes into the JIT and what comes out, as plain data. */
import type { KernelAddress } from './machine.ts';

/** A verified program: its main function first, then the others in the order of the instruction stream. */
export interface JitProgram {
  readonly functions: readonly JitFunction[];
  readonly arena: ArenaWindow | undefined;
  /** Converted from classic BPF: no tail calls, and perhaps a branch history barrier. */
  readonly wasClassic: boolean;
  /**
   * When constants are blinded (net.core.bpf_jit_harden): gives signed 32-bit random numbers, asked for in program order.
   */
  readonly blinding: (() => number) | undefined;
  /** CAP_SYS_ADMIN of the loader; it spares classic programs the barrier. */
  readonly loaderIsAdmin: boolean;
}

/** One function as the verifier hands it over: its slots are what runs, not what the user loaded. */
export interface JitFunction {
  /** Whole slots of eight bytes. */
  readonly code: Uint8Array;
  /** Bytes of stack used, any number up to 512. */
  readonly stackDepth: number;
  readonly tailCallReachable: boolean;
  /** Main of a program that may throw: saves all callee-saved registers. */
  readonly exceptionBoundary: boolean;
  /** The function an exception lands in: it takes over the frame of the boundary. */
  readonly exceptionCallback: boolean;
  /** The per-CPU address that r9 is loaded with; undefined: the stack is the kernel's. */
  readonly privateStack: bigint | undefined;
  /** Where addresses of functions have to be filled in once all are placed. */
  readonly links: readonly FunctionLink[];
}

/** A slot (by its index in the function) that calls another function, or loads its address. */
export interface FunctionLink {
  readonly slot: number;
  readonly callee: number;
}

/** Where the arena is mapped for the kernel and for user space. */
export interface ArenaWindow {
  readonly kernelStart: bigint;
  readonly userStart: bigint;
}

/** An x86 instruction that may fault and is then skipped. Offsets and lengths are bytes of the function's code. */
export interface FaultSite {
  readonly offset: number;
  readonly length: number;
  /** The second word of the exception entry; see exception-table.ts. */
  readonly fixup: number;
  /** The third word. */
  readonly data: number;
}

/** A direct tail call: the two five-byte places that are rewritten when the slot of the map is filled or emptied. */
export interface TailCallSite {
  readonly bypassOffset: number;
  readonly targetOffset: number;
  /** Where execution goes on when there is no target. */
  readonly resumeOffset: number;
  /** The number of the poke descriptor, from 0. */
  readonly descriptor: number;
}

export interface CompiledFunction {
  readonly address: KernelAddress;
  readonly code: Uint8Array;
  /** Twelve bytes an entry, to be placed at the code's end rounded up to four. */
  readonly exceptionTable: Uint8Array;
  readonly faults: readonly FaultSite[];
  readonly tailCalls: readonly TailCallSite[];
  /** [i] is the offset of the code of slot i as it was given, [number of slots] the offset behind the last. */
  readonly lineMap: Int32Array;
  /** Measuring passes until two agreed. */
  readonly passes: number;
}

export interface CompiledProgram {
  readonly kind: 'compiled';
  readonly functions: readonly CompiledFunction[];
}

/**
 * The kernel does not compile the program. `errno` is what the pass said; whoever loads the program sees ENOTSUPP with
 * CONFIG_BPF_JIT_ALWAYS_ON and otherwise gets an interpreted program.
 */
export interface JitRefusal {
  readonly kind: 'refused';
  readonly errno: 'EINVAL' | 'EFAULT' | 'ENOTSUPP';
  readonly reason: string;
}

/** Chooses where a function goes. `length` counts the code and, from the next multiple of four, its exception table. */
export type PlaceFunction = (index: number, length: number) => KernelAddress;
