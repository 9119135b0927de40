/**
 * Calls machine code as the kernel calls a BPF program (bpf_dispatcher_nop_func()): arguments in registers, a return address
 * on the stack, callee-saved registers to be given back. Kernel functions are not there as code: fetching from the address of
 * one faults, and what it does is then done by the model. Faults of loads and stores are handled as exception tables say.
 */

import { u64 } from '../../base/word.ts';
import type { Bus } from '../machine/cpu/bus.ts';
import { Cpu, type Stop } from '../machine/cpu/cpu.ts';
import { MemoryPort } from '../machine/cpu/memory-port.ts';
import { highHalf, joinHalves, lowHalf, type RegisterName } from '../machine/cpu/register-file.ts';
import { applyFixup, type ExceptionEntry } from './exception-fixup.ts';
import type { Helper, HelperCall } from './kernel-function.ts';
import type { ArenaFault } from './memory-step.ts';

/** How a call of machine code ended. */
export type NativeEnd =
  | { readonly kind: 'returned'; readonly value: bigint }
  | { readonly kind: 'unknown-helper'; readonly name: string }
  | { readonly kind: 'stopped'; readonly stop: Stop }
  /** A register the calling convention preserves was not. */
  | { readonly kind: 'clobbered'; readonly register: RegisterName };

/** A function of the kernel, by the address that code calls; one without a helper ends the run. */
export interface KernelFunction {
  readonly name: string;
  readonly helper: Helper | undefined;
}

export interface NativeProgram {
  /** Where main's code begins and how many bytes it has. */
  readonly main: { readonly address: bigint; readonly length: number };
  readonly kernelFunctions: ReadonlyMap<bigint, KernelFunction>;
  /** By the address of the instruction that may fault. */
  readonly exceptionEntries: Pick<ReadonlyMap<bigint, ExceptionEntry>, 'get'>;
  /** Where bpf_throw() goes. */
  readonly exceptionCallback?: bigint | undefined;
  /** User address of the arena that code at an address uses, for reports of its faults. */
  readonly arenaUserStart?: ((instruction: bigint) => bigint) | undefined;
  /** What the int3 handler does about a breakpoint at an address: where the CPU goes on. Undefined: nobody knows it. */
  readonly breakpoint?: ((address: bigint) => bigint | undefined) | undefined;
  /** Where a jump to code that is not there leads: the entry of a tail call whose target is known by other means. */
  readonly elsewhere?: bigint | undefined;
}

/** Memory as the CPU sees it, and what registers hold before the call. */
export interface NativeSurroundings {
  readonly memory: Bus;
  readonly stackTop: bigint;
  readonly perCpuOffset?: bigint | undefined;
}

/** Bytes from a caller's stack to the frame pointer of the function that it calls: its room, the return address, rbp. */
export const FRAME_POINTER_DISTANCE = 64n + 16n;

/** The registers a function must give back (System V ABI), with the values they go in with. */
const PRESERVED = new Map<RegisterName, bigint>([
  ['rbx', 0x1111n],
  ['rbp', 0x2222n],
  ['r12', 0x3333n],
  ['r13', 0x4444n],
  ['r14', 0x5555n],
  ['r15', 0x6666n],
]);

/** Where the kernel's caller goes on. Nothing is mapped there, so a return ends in a fetch fault with this address. */
const CALLER = 0xffff_ffff_8000_0010n;
const CALLBACK_CALLER = 0xffff_ffff_8000_0020n;

const ARGUMENTS = ['rdi', 'rsi', 'rdx', 'rcx', 'r8'] as const;
const CLOBBERED = ['rcx', 'rdx', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11'] as const;
const CLOBBER = 0xdead_beef_dead_beefn;

export class NativeRun {
  readonly #program: NativeProgram;
  readonly #surroundings: NativeSurroundings;
  readonly #cpu: Cpu;
  readonly #port: MemoryPort;
  /** What the kernel told the program's stderr stream. */
  readonly arenaFaults: ArenaFault[] = [];

  constructor(program: NativeProgram, surroundings: NativeSurroundings) {
    this.#program = program;
    this.#surroundings = surroundings;
    this.#cpu = new Cpu(surroundings.memory);
    this.#port = new MemoryPort(surroundings.memory);
  }

  /** x86 instructions retired by all calls. */
  get retired(): number {
    return this.#cpu.retired;
  }

  /** Calls main with r1 to r5 as given, for at most `limit` x86 instructions. */
  call(parameters: readonly bigint[], limit: number): NativeEnd {
    const { registers } = this.#cpu;
    const stackPointer = this.#surroundings.stackTop - CALLER_FRAME_BYTES;
    for (const [register, value] of PRESERVED) registers.set(register, value);
    for (const [index, value] of parameters.entries()) registers.set(ARGUMENTS[index]!, value);
    registers.set('rsp', stackPointer);
    registers.gsBase = this.#surroundings.perCpuOffset ?? 0n;
    registers.ip = this.#program.main.address;
    this.#push(CALLER);
    const end = this.#runUntil(CALLER, limit);
    if (end !== undefined) return end;
    for (const [register, value] of PRESERVED) {
      if (registers.get(register) !== value) return { kind: 'clobbered', register };
    }
    if (registers.get('rsp') !== stackPointer) return { kind: 'clobbered', register: 'rsp' };
    return { kind: 'returned', value: registers.get('rax') };
  }

  /** Where the CPU stopped. */
  get instructionPointer(): bigint {
    return this.#cpu.registers.ip;
  }

  /** Runs until the given address is reached; anything else that ends the run is returned. */
  #runUntil(address: bigint, limit: number): NativeEnd | undefined {
    const { registers, retired } = this.#cpu;
    for (;;) {
      const stop = this.#cpu.run(limit - (this.#cpu.retired - retired));
      if (registers.ip === address) return undefined;
      if (stop.kind === 'limit') return { kind: 'stopped', stop };
      const end = this.#handle(stop, limit);
      if (end !== undefined) return end;
    }
  }

  #handle(stop: Stop, limit: number): NativeEnd | undefined {
    const { registers } = this.#cpu;
    const { kernelFunctions, exceptionEntries, elsewhere, arenaUserStart, breakpoint } = this.#program;
    const at = stop.kind === 'breakpoint' ? u64(registers.ip - 1n) : registers.ip;
    const called = kernelFunctions.get(at);
    if (called !== undefined) return this.#perform(called, limit);
    if (stop.kind === 'breakpoint') {
      const next = breakpoint?.(at);
      if (next === undefined) return { kind: 'stopped', stop };
      registers.ip = next;
      return undefined;
    }
    if (stop.kind === 'page-fault' && stop.execute && elsewhere !== undefined) {
      registers.ip = elsewhere;
      return undefined;
    }
    const entry = isForbiddenToTheKernel(stop) ? undefined : exceptionEntries.get(registers.ip);
    if (entry === undefined) return { kind: 'stopped', stop };
    const fault = applyFixup(entry, registers, arenaUserStart?.(entry.instruction) ?? 0n);
    if (fault !== undefined) this.arenaFaults.push(fault);
    return undefined;
  }

  /** Does what a kernel function does, and returns from it. All registers a function may change are changed. */
  #perform({ name, helper }: KernelFunction, limit: number): NativeEnd | undefined {
    const { registers } = this.#cpu;
    if (name === 'arch_bpf_timed_may_goto') return this.#timedMayGoto();
    if (helper === undefined) return { kind: 'unknown-helper', name };
    let failure: NativeEnd | undefined;
    const call: HelperCall = {
      arguments: ARGUMENTS.map((register) => registers.get(register)),
      memory: this.#port,
      callback: (address, ...parameters) => {
        failure = this.#callback(address, parameters, limit);
        return failure === undefined ? registers.get('rax') : undefined;
      },
    };
    const result = helper(call);
    if (result === undefined) return failure;
    if (typeof result === 'object') return this.#throw(result.cookie);
    for (const register of CLOBBERED) registers.set(register, CLOBBER);
    registers.set('rax', result);
    this.#return();
    return undefined;
  }

  #callback(address: bigint, parameters: readonly bigint[], limit: number): NativeEnd | undefined {
    const { registers } = this.#cpu;
    const returnTo = registers.ip;
    for (const [index, value] of parameters.entries()) registers.set(ARGUMENTS[index]!, value);
    this.#push(CALLBACK_CALLER);
    registers.ip = address;
    const end = this.#runUntil(CALLBACK_CALLER, limit);
    registers.ip = returnTo;
    return end;
  }

  /**
   * kernel/bpf/helpers.c:bpf_throw(): walks the frames up to the main program and calls the exception callback with the
   * cookie and that frame's stack and frame pointers, which is all it needs to return in main's place.
   */
  #throw(cookie: bigint): NativeEnd | undefined {
    const { registers } = this.#cpu;
    const { main, exceptionCallback } = this.#program;
    let sp = registers.get('rsp') + 8n;
    let bp = registers.get('rbp');
    let ip = this.#word(registers.get('rsp'));
    while (ip < main.address || ip > main.address + BigInt(main.length)) {
      ip = this.#word(bp + 8n);
      sp = bp + 16n;
      bp = this.#word(bp);
    }
    if (exceptionCallback === undefined) return { kind: 'unknown-helper', name: 'an exception callback' };
    registers.set('rdi', cookie);
    registers.set('rsi', sp);
    registers.set('rdx', bp);
    registers.ip = exceptionCallback;
    return undefined;
  }

  /** arch_bpf_timed_may_goto, which takes and gives r10 and leaves the rest alone; see Interpreter.timedMayGoto. */
  #timedMayGoto(): undefined {
    const { registers } = this.#cpu;
    const stamp = BigInt.asUintN(64, registers.get('rbp') + registers.get('r10') + 8n);
    const started = this.#word(stamp) !== 0n;
    if (!started) this.#port.store(lowHalf(stamp), highHalf(stamp), 8, 1, 0);
    registers.set('r10', started ? 0n : 0xffffn);
    this.#return();
  }

  #push(value: bigint): void {
    const { registers } = this.#cpu;
    const sp = registers.get('rsp') - 8n;
    this.#port.store(lowHalf(sp), highHalf(sp), 8, lowHalf(value), highHalf(value));
    registers.set('rsp', sp);
  }

  #return(): void {
    const { registers } = this.#cpu;
    const sp = registers.get('rsp');
    registers.ip = this.#word(sp);
    registers.set('rsp', sp + 8n);
  }

  #word(address: bigint): bigint {
    this.#port.load(lowHalf(address), highHalf(address), 8);
    return joinHalves(this.#port.lo, this.#port.hi);
  }
}

/**
 * No entry helps where kernel code touches user space or the vsyscall page (arch/x86/mm/fault.c:do_user_addr_fault(), since the
 * first is guarded by SMAP and neither counts as kernel space): the machine oopses.
 */
function isForbiddenToTheKernel(stop: Stop): boolean {
  if (stop.kind !== 'page-fault' || stop.execute) return false;
  return stop.address < USER_END || (stop.address >= VSYSCALL && stop.address < VSYSCALL + 4096n);
}

const USER_END = 1n << 63n;
const VSYSCALL = 0xffff_ffff_ff60_0000n;

/** Room that belongs to the caller, above the return address. */
const CALLER_FRAME_BYTES = 64n;
