import { u32, u64 } from '../../base/word.ts';
import type { Bus } from '../machine/cpu/bus.ts';
import { MemoryPort } from '../machine/cpu/memory-port.ts';
import { highHalf, lowHalf } from '../machine/cpu/register-file.ts';
import type { InterpreterStop } from './interpreter-stop.ts';
import type { HelperCall, Thrown } from './kernel-function.ts';
import type { Step } from './meaning.ts';
import type { ArenaFault, ArenaWindow, MemoryContext } from './memory-step.ts';
import { Place } from './place.ts';
import type { CallTarget, Program } from './program.ts';
import { BpfRegisters, LAST_REGISTER } from './registers.ts';
import { stepOf } from './step.ts';

/** Functions deep, main included: what the verifier allows (MAX_CALL_FRAMES, include/linux/bpf_verifier.h). */
export const MOST_FRAMES = 8;

/** MAX_TAIL_CALL_CNT. */
const MOST_TAIL_CALLS = 33;

/** Bytes of stack per function: MAX_BPF_STACK is 512, and the verifier adds 16 for the counter of may_goto. */
export const FRAME_BYTES = 1024;

/** What a program runs in. */
export interface Surroundings {
  readonly memory: Bus;
  /** Address just above the stack, which must have {@link MOST_FRAMES} times {@link FRAME_BYTES} bytes below it. */
  readonly stackTop: bigint;
  readonly arena?: ArenaWindow | undefined;
  /**
   * True for kernels from 7.2 on, whose atomic instructions clear what they would have fetched when an arena access
   * faults. Before that they leave it alone.
   */
  readonly clearsFaultedAtomics?: boolean | undefined;
  /** The verifier extends r0 after a compare-and-exchange of 32 bits in an arena, whether or not it faulted. */
  readonly extendsArenaExchange?: boolean | undefined;
  /** The verifier's own register: 11, or 12 for kernels from 7.2 on. */
  readonly auxiliaryRegister?: 11 | 12 | undefined;
  /** What a MOV of the per-CPU kind adds (this_cpu_off). */
  readonly perCpuOffset?: bigint | undefined;
  /** The program in a slot of a program array; undefined when the slot is empty or there is none. */
  readonly tailCallTarget?: ((map: bigint, index: number, site: TailCallPlace) => Program | undefined) | undefined;
  /** Bytes of stack of a called function, {@link FRAME_BYTES} by default. */
  readonly frameBytes?: number | undefined;
  /** Accesses do not say that they are an arena's; a pointer whose upper half is zero is into the arena. */
  readonly arenaByPointer?: boolean | undefined;
}

/** Which tail call asks for its target. */
export interface TailCallPlace {
  readonly program: Program;
  readonly at: number;
}

/**
 * Executes BPF programs as the verifier hands them to the JIT, or as RFC 9669 writes them. It says what a program means
 * without saying how x86 does it: its agreement with compiled code is a property, so it shares no code with the JIT.
 * Verification is left out: a program that the kernel would refuse stops where its first impossible step is.
 */
export class Interpreter implements MemoryContext {
  readonly registers: BpfRegisters;
  readonly port: MemoryPort;
  readonly surroundings: Surroundings;
  readonly program: Program;
  readonly place = new Place();
  readonly arena: ArenaWindow | undefined;
  readonly clearsFaultedAtomics: boolean;
  readonly extendsArenaExchange: boolean;
  readonly arenaByPointer: boolean;
  readonly arenaFaults: ArenaFault[] = [];

  /** Instructions performed by all runs. */
  performed = 0;

  readonly #steps: readonly Step[];
  readonly #frameBytes: bigint;
  readonly #frames: Frame[] = [];
  /** Main's may_goto budget; other functions have theirs in their frames. */
  readonly #main = { mayGotoLeft: 0 };
  #stackTop = 0n;
  #fuel = 0;
  #tailCalls = 0;
  #stop: InterpreterStop | undefined;

  constructor(program: Program, surroundings: Surroundings) {
    this.program = program;
    this.surroundings = surroundings;
    this.arena = program.arena ?? surroundings.arena;
    this.clearsFaultedAtomics = surroundings.clearsFaultedAtomics ?? false;
    this.extendsArenaExchange = surroundings.extendsArenaExchange ?? false;
    this.#frameBytes = BigInt(surroundings.frameBytes ?? FRAME_BYTES);
    this.arenaByPointer = surroundings.arenaByPointer === true && this.arena !== undefined;
    this.place.arenaStart = this.arena?.kernelStart ?? 0n;
    this.registers = new BpfRegisters(program.instructions.length + 1);
    this.port = new MemoryPort(surroundings.memory);
    this.#steps = program.instructions.map((instruction, index) => stepOf(this, instruction, index));
  }

  /** Runs with r1 to r5 as given, for at most `fuel` instructions. */
  run(parameters: readonly bigint[], fuel = 100_000_000): InterpreterStop {
    return this.#runFrom(parameters, this.surroundings.stackTop, fuel, 0);
  }

  #runFrom(parameters: readonly bigint[], stackTop: bigint, fuel: number, tailCalls: number): InterpreterStop {
    const { words } = this.registers;
    for (let register = 0; register <= LAST_REGISTER; register++) words[register] = 0n;
    for (const [index, value] of parameters.entries()) words[1 + index] = u64(value);
    words[FRAME_POINTER] = stackTop;
    this.#main.mayGotoLeft = MAY_GOTO_BUDGET;
    this.#stackTop = stackTop;
    this.#fuel = fuel;
    this.#tailCalls = tailCalls;
    this.#stop = undefined;
    this.#frames.length = 0;
    this.#execute(0);
    this.performed += fuel - this.#fuel;
    return this.#stop ?? { kind: 'exit', value: words[0]! };
  }

  /** Performs steps until one says where not to go on: at the end, in a stop, or back in the helper that called. */
  #execute(start: number): void {
    const steps = this.#steps;
    let at = start;
    while (at >= 0) {
      const step = steps[at];
      if (step === undefined) this.stop({ kind: 'left-program', at });
      if (this.#fuel <= 0) this.stop({ kind: 'out-of-fuel', at });
      if (step === undefined || this.#fuel <= 0) return;
      this.#fuel--;
      at = step() ?? at + 1;
    }
  }

  /** Ends the program. Gives what a step returns to leave the loop. */
  stop(stop: InterpreterStop): number {
    this.#stop ??= stop;
    return LEAVE;
  }

  endAtFault(at: number, size: number, write: boolean): number {
    return this.stop({ kind: 'memory-fault', at, address: this.place.address, size, write });
  }

  reportArenaFault(fault: ArenaFault): void {
    this.arenaFaults.push(fault);
  }

  /** Enters a function of the program; r6 to r10 come back when it exits. */
  enter(start: number, returnTo: number, at: number): number {
    const { words } = this.registers;
    if (this.#frames.length + 1 >= MOST_FRAMES) return this.stop({ kind: 'calls-too-deep', at, limit: MOST_FRAMES });
    this.#frames.push({ returnTo, saved: words.slice(6, FRAME_POINTER + 1), mayGotoLeft: MAY_GOTO_BUDGET });
    words[FRAME_POINTER] = words[FRAME_POINTER]! - this.#frameBytes;
    return start;
  }

  exit(): number {
    const frame = this.#frames.pop();
    if (frame === undefined) return LEAVE;
    this.registers.words.set(frame.saved, 6);
    return frame.returnTo;
  }

  call(target: CallTarget, at: number): number | undefined {
    if (target.kind === 'function') return this.enter(target.start, at + 1, at);
    if (target.kind === 'unknown' || target.helper === undefined) {
      return this.stop({ kind: 'unknown-call', at, name: target.name });
    }
    const result = target.helper(this.#helperCall(at));
    if (typeof result === 'object') return this.#throw(result);
    if (result === undefined) return LEAVE;
    this.registers.words[0] = u64(result);
    return undefined;
  }

  #helperCall(at: number): HelperCall {
    return {
      arguments: [...this.registers.words.slice(1, 6)],
      memory: this.port,
      callback: (address, ...parameters) => this.#callback(address, parameters, at),
    };
  }

  #callback(address: bigint, parameters: readonly bigint[], at: number): bigint | undefined {
    const { words } = this.registers;
    const start = this.program.functionAt(address);
    if (start === undefined) {
      this.stop({ kind: 'unknown-call', at, name: `a callback at 0x${address.toString(16)}` });
      return undefined;
    }
    const saved = words.slice(0, LAST_REGISTER + 1);
    for (const [index, value] of parameters.entries()) words[1 + index] = u64(value);
    this.#execute(this.enter(start, LEAVE, at));
    const result = words[0]!;
    words.set(saved);
    return this.#stop === undefined ? result : undefined;
  }

  /** All frames but main's are gone when the callback runs, and what it returns is what the program returns. */
  #throw({ cookie }: Thrown): number {
    const { exceptionCallback } = this.program;
    const { words } = this.registers;
    this.#frames.length = 0;
    words[FRAME_POINTER] = this.#stackTop;
    words[0] = cookie;
    words[1] = cookie;
    if (exceptionCallback !== undefined) this.#execute(exceptionCallback);
    return this.stop({ kind: 'exit', value: words[0]! });
  }

  /** r1 context, r2 map, r3 index. The target's result is this function's; without a target execution goes on. */
  tailCall(at: number): number | undefined {
    const { words } = this.registers;
    if (this.#tailCalls >= MOST_TAIL_CALLS) return undefined;
    const place = { program: this.program, at };
    const target = this.surroundings.tailCallTarget?.(words[2]!, Number(u32(words[3]!)), place);
    if (target === undefined) return undefined;
    this.#tailCalls++;
    const callee = new Interpreter(target, this.surroundings);
    const stop = callee.#runFrom([words[1]!], words[FRAME_POINTER]!, this.#fuel, this.#tailCalls);
    this.#fuel -= callee.performed;
    this.#tailCalls = callee.#tailCalls;
    this.arenaFaults.push(...callee.arenaFaults);
    if (stop.kind !== 'exit') return this.stop(stop);
    words[0] = stop.value;
    return this.exit();
  }

  /** may_goto as the verifier has it before it is expanded: true when this function's budget is spent. */
  mayGotoIsSpent(): boolean {
    const frame = this.#frames.at(-1) ?? this.#main;
    if (frame.mayGotoLeft === 0) return true;
    frame.mayGotoLeft--;
    return false;
  }

  /**
   * arch_bpf_timed_may_goto: the auxiliary register holds the stack offset of a counter with a timestamp behind it. The first call starts
   * the clock and grants another 65,535 rounds; by the second the program's time is up, because time passes here only
   * when someone looks. It takes and gives that register and leaves every other register alone.
   */
  timedMayGoto(at: number): number | undefined {
    const { words, signedHalves } = this.registers;
    const auxiliary = this.surroundings.auxiliaryRegister ?? 11;
    const stamp = u64(words[FRAME_POINTER]! + BigInt.asIntN(64, words[auxiliary]!) + 8n);
    const [lo, hi] = [lowHalf(stamp), highHalf(stamp)];
    if (this.port.load(lo, hi, 8) !== undefined) {
      return this.stop({ kind: 'memory-fault', at, address: stamp, size: 8, write: false });
    }
    const started = (this.port.lo | this.port.hi) !== 0;
    if (!started) this.port.store(lo, hi, 8, 1, 0);
    signedHalves[2 * auxiliary] = started ? 0 : MAY_GOTO_BUDGET;
    signedHalves[2 * auxiliary + 1] = 0;
    return undefined;
  }
}

interface Frame {
  readonly returnTo: number;
  /** r6 to r10 of the caller. */
  readonly saved: BigUint64Array;
  mayGotoLeft: number;
}

const FRAME_POINTER = 10;
const LEAVE = -1;

/** Rounds granted at a time (BPF_MAX_TIMED_LOOPS, include/linux/bpf.h). */
const MAY_GOTO_BUDGET = 0xffff;
