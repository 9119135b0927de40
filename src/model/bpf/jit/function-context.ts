/**
 * What the passes over one function share (struct jit_context and the locals of do_jit() and bpf_int_jit_compile()).
 * Fields that change from pass to pass say so.
 */
import { roundUp } from '../../../base/word.ts';
import { FRAME_POINTER } from '../instruction.ts';
import type { Emitter } from './emitter.ts';
import type { JitMachine, KernelAddress } from './machine.ts';
import type { ArenaWindow, FaultSite, JitFunction, JitRefusal, TailCallSite } from './program.ts';
import { hardwareRegisters, R13, R14, R15, RBX } from './registers.ts';

/** What a C function must preserve and r6 to r9 live in, in the order they are pushed. */
const CALLEE_SAVED = [RBX, R13, R14, R15] as const;

export class FunctionContext {
  readonly emitter: Emitter;
  readonly machine: JitMachine;
  readonly fn: JitFunction;
  readonly arena: ArenaWindow | undefined;
  readonly isSubprogram: boolean;
  /** Two words an instruction: opcode, registers and offset in the first, the immediate in the second. */
  readonly words: Int32Array;
  readonly count: number;
  /** By BPF register, the hardware register that holds it in this function's body. */
  readonly hardware: Uint8Array;
  /** Bytes of stack below the frame, a multiple of eight; none with a private stack. */
  readonly stackBytes: number;
  /** The callee-saved hardware registers to push. */
  readonly saved: readonly number[];

  /** How this machine's kernel shifts by a register. */
  readonly shiftWay: { readonly bmi2: boolean; readonly alwaysSavesRcx: boolean };

  /** Code offset behind instruction i - 1; [0] is the length of the prologue. Rewritten as a pass runs. */
  readonly ends: Int32Array;
  /** Where the one epilogue begins. Rewritten when a pass meets the first exit. */
  cleanup: number;
  /** Whether this pass fills instructions that became shorter up to their old length. */
  padding = false;
  /** Where the code will run; undefined in the passes that only measure. */
  image: KernelAddress | undefined;
  /** Filled by the pass that writes the image. */
  faults: FaultSite[] = [];
  tailCalls: TailCallSite[] = [];
  /** Why the kernel gives up; the first reason counts. */
  refusal: JitRefusal | undefined = undefined;

  constructor(
    emitter: Emitter,
    machine: JitMachine,
    fn: JitFunction,
    surroundings: {
      readonly arena: ArenaWindow | undefined;
      readonly isSubprogram: boolean;
      readonly words: Int32Array;
    },
  ) {
    this.emitter = emitter;
    this.machine = machine;
    this.fn = fn;
    this.arena = surroundings.arena;
    this.isSubprogram = surroundings.isSubprogram;
    this.words = surroundings.words;
    this.count = this.words.length / 2;
    const privateStack = fn.privateStack !== undefined;
    this.hardware = hardwareRegisters(machine.behaviour.auxiliaryRegister, privateStack);
    this.stackBytes = privateStack ? 0 : roundUp(fn.stackDepth, 8);
    const seen = registersSeen(this.words);
    this.saved = CALLEE_SAVED.filter((_, index) => fn.exceptionBoundary || (seen & (1 << (6 + index))) !== 0);
    const stackArguments = machine.behaviour.auxiliaryRegister - 1;
    if (stackArguments > FRAME_POINTER && (seen & (1 << stackArguments)) !== 0) {
      this.refuse('ENOTSUPP', 'arguments on the stack (register 11 since 7.2) are not modelled');
    }
    const bmi2 = machine.behaviour.variableShift === 'bmi2';
    this.shiftWay = { bmi2: bmi2 && machine.bmi2, alwaysSavesRcx: !bmi2 };
    this.ends = new Int32Array(this.count + 1);
    for (let i = 0; i <= this.count; i++) this.ends[i] = FIRST_GUESS * (i + 1);
    this.cleanup = FIRST_GUESS * (this.count + 1);
  }

  refuse(errno: JitRefusal['errno'], reason: string): void {
    this.refusal ??= { kind: 'refused', errno, reason };
  }

  /** The displacement of a five-byte call or jump at `from`, by default emitted next. Measuring passes get any number. */
  displacementTo(target: KernelAddress, from = this.emitter.length): number {
    if (this.image === undefined) return 0;
    const displacement = target - (this.image + from + 5);
    if (displacement !== (displacement | 0))
      this.refuse('EINVAL', `a call reaches only 2 GiB, not ${displacement} bytes`);
    return displacement;
  }
}

/** Before the first pass every instruction is believed to take this many bytes. */
const FIRST_GUESS = 64;

/** A bit for each register number. The kernel looks only at the register fields, whatever the opcode (detect_reg_usage()). */
function registersSeen(words: Int32Array): number {
  let seen = 0;
  for (let i = 0; i < words.length; i += 2) {
    const registers = words[i]! >> 8;
    seen |= (1 << (registers & 15)) | (1 << ((registers >> 4) & 15));
  }
  return seen;
}

/** Splits slots into words once, so that the passes read integers only. */
export function instructionWords(code: Uint8Array): Int32Array {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const words = new Int32Array(code.length / 4);
  for (let i = 0; i < words.length; i++) words[i] = view.getInt32(i * 4, true);
  return words;
}

/** What do_jit() says to an instruction it has no code for. */
export function refuseOpcode(c: FunctionContext, word: number): void {
  c.refuse('EINVAL', `unknown opcode ${(word & 0xff).toString(16).padStart(2, '0')}`);
}
