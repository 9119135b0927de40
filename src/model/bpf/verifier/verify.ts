/**
 * The part of kernel/bpf/verifier.c:do_check() that decides what the program becomes: which pointer each access goes through,
 * which arithmetic is on arena pointers, and whether the program may be loaded at all. Every path is followed; a state that was
 * seen before ends it. Programs are those of BPF_PROG_TYPE_SYSCALL: r1 is a context of memory. What would show an address
 * (comparing, cutting or storing pointers) is refused as it is to loaders without CAP_PERFMON, whatever the program type
 * needs: the interpreter's stack lies elsewhere than a CPU's, and results would differ for no fault of the JIT.
 *
 * Left out, so that some programs are accepted here that the kernel refuses: that loops end (a run that does not end is told
 * so), and that the stacks of a chain of calls fit 512 bytes together. Ranges of scalars are left out too, which only accesses
 * at a variable offset would need; those are refused here.
 */
import { Callee, Class, classOf, type Instruction, Jump, LD_IMM64, operationOf, WideSource } from '../instruction.ts';
import { MOST_FRAMES } from '../interpreter.ts';
import { functionDistance, jumpDistance } from '../validate.ts';
import { accessFault } from './access.ts';
import { arithmeticFault } from './arithmetic.ts';
import { isCall, RDONLY_CAST, TAIL_CALL_HELPER } from './decisions.ts';
import { Notes } from './notes.ts';
import { type Rejected, reject, unreadable, type VerifierRules } from './rules.ts';
import { FrameState, PathState, registersHolding } from './state.ts';
import { isPointer, MAP, NOTHING, nameOf, SCALAR, UNTRUSTED } from './value.ts';

export interface Verified {
  readonly kind: 'verified';
  readonly notes: Notes;
}

/** Steps over all paths; the kernel's limit is a million. */
const MOST_STEPS = 20_000;

/** Follows every path of a well-formed program. */
export function verify(program: readonly Instruction[], rules: VerifierRules): Verified | Rejected {
  return new Walk(program, rules).run();
}

class Walk {
  readonly #program: readonly Instruction[];
  readonly #rules: VerifierRules;
  readonly #notes = new Notes();
  readonly #pending: PathState[] = [];
  readonly #seen = new Set<string>();

  constructor(program: readonly Instruction[], rules: VerifierRules) {
    this.#program = program;
    this.#rules = rules;
    const registers = registersHolding({ 1: { kind: 'context', offset: 0 } });
    this.#pending.push(new PathState(0, [new FrameState({ depth: 0, start: 0, returnTo: -1 }, registers)]));
  }

  run(): Verified | Rejected {
    let steps = 0;
    for (let state = this.#pending.pop(); state !== undefined; state = this.#pending.pop()) {
      const known = state.letters;
      if (this.#seen.has(known)) continue;
      this.#seen.add(known);
      if (++steps > MOST_STEPS) return reject(state.at, '-E2BIG', `BPF program is too large. Processed ${steps} insn`);
      const rejected = this.#step(state);
      if (rejected !== undefined) return rejected;
    }
    return { kind: 'verified', notes: this.#notes };
  }

  /** Looks at one instruction, changes the state accordingly and queues where execution can go on. */
  #step(state: PathState): Rejected | undefined {
    const slot = this.#program[state.at];
    if (slot === undefined) return reject(state.at, '-EINVAL', 'the program runs past its end');
    const class_ = classOf(slot.opcode);
    if (class_ === Class.JMP || class_ === Class.JMP32) return this.#jump(state, slot);
    if (slot.opcode === LD_IMM64) return this.#wideLoad(state, slot);
    const fault =
      class_ === Class.ALU || class_ === Class.ALU64
        ? arithmeticFault(state, slot, this.#rules, this.#notes)
        : accessFault(state, slot, this.#rules, this.#notes);
    if (fault !== undefined) return fault;
    this.#goOn(state, state.at + 1);
    return undefined;
  }

  #goOn(state: PathState, at: number): void {
    this.#pending.push(state.movedTo(at));
  }

  #wideLoad(state: PathState, slot: Instruction): Rejected | undefined {
    const { registers } = state.frame;
    if (slot.src === WideSource.MAP_FD) {
      if (slot.immediate !== 1 || this.#rules.arraySlots === 0)
        return reject(state.at, '-EINVAL', `fd ${slot.immediate} is not pointing to valid bpf_map`);
      registers[slot.dst] = MAP;
    } else if (slot.src === WideSource.VALUE) {
      registers[slot.dst] = SCALAR;
    } else {
      return reject(state.at, '-EINVAL', 'unrecognized bpf_ld_imm64 insn');
    }
    this.#goOn(state, state.at + 2);
    return undefined;
  }

  #jump(state: PathState, slot: Instruction): Rejected | undefined {
    const operation = operationOf(slot.opcode);
    if (operation === Jump.EXIT) return this.#exit(state);
    if (isCall(slot)) return this.#call(state, slot);
    const distance = jumpDistance(slot);
    if (distance === undefined) return reject(state.at, '-EINVAL', 'unknown jump');
    if (operation === Jump.JCOND) return reject(state.at, '-EINVAL', 'may_goto is not modelled here');
    if (operation !== Jump.JA) {
      const { registers } = state.frame;
      for (const register of (slot.opcode & 8) !== 0 ? [slot.dst, slot.src] : [slot.dst]) {
        const value = registers[register]!;
        if (value.kind === 'nothing') return unreadable(state, register);
        if (isPointer(value) && value.kind !== 'arena')
          return reject(state.at, '-EACCES', `R${register} pointer comparison prohibited`);
      }
      this.#goOn(state, state.at + 1);
    }
    this.#goOn(state, state.at + 1 + distance);
    return undefined;
  }

  #exit(state: PathState): Rejected | undefined {
    const { frame } = state;
    const value = frame.registers[0]!;
    if (value.kind === 'nothing') return unreadable(state, 0);
    if (frame.returnTo < 0) {
      if (value.kind === 'scalar') return undefined;
      return reject(state.at, '-EINVAL', `At program exit the register R0 is not a known value (${nameOf(value)})`);
    }
    if (value.kind === 'stack') return reject(state.at, '-EINVAL', 'cannot return stack pointer to the caller');
    const caller = state.frames[state.frames.length - 2]!.copy();
    for (let register = 0; register <= 5; register++) caller.registers[register] = NOTHING;
    caller.registers[0] = value;
    this.#pending.push(new PathState(frame.returnTo, [...state.frames.slice(0, -2), caller]));
    return undefined;
  }

  #call(state: PathState, slot: Instruction): Rejected | undefined {
    const { at, frame } = state;
    const distance = functionDistance(slot);
    if (distance !== undefined) return this.#enter(state, at + 1 + distance);
    const { registers } = frame;
    const isTailCall = slot.src === Callee.HELPER && slot.immediate === TAIL_CALL_HELPER;
    if (isTailCall) {
      const rejected = this.#tailCall(state);
      if (rejected !== undefined) return rejected;
    } else if (slot.src === Callee.KFUNC) {
      if (slot.immediate !== RDONLY_CAST)
        return reject(at, '-EINVAL', `kernel function ${slot.immediate} is not known`);
      const [object, type] = [registers[1]!, registers[2]!];
      if (object.kind === 'nothing') return unreadable(state, 1);
      if (type.kind !== 'scalar' || type.constant === undefined)
        return reject(at, '-EINVAL', 'R2 must be a known constant');
    }
    const result = isTailCall ? NOTHING : slot.src === Callee.KFUNC ? UNTRUSTED : SCALAR;
    for (let register = 1; register <= 5; register++) registers[register] = NOTHING;
    registers[0] = result;
    this.#goOn(state, at + 1);
    return undefined;
  }

  #tailCall({ at, frame }: PathState): Rejected | undefined {
    const [context, map, index] = [frame.registers[1]!, frame.registers[2]!, frame.registers[3]!];
    if (context.kind !== 'context' || context.offset !== 0)
      return reject(at, '-EACCES', `R1 type=${nameOf(context)} expected=ctx`);
    if (map.kind !== 'map') return reject(at, '-EACCES', `R2 type=${nameOf(map)} expected=map_ptr`);
    if (index.kind !== 'scalar') return reject(at, '-EACCES', `R3 type=${nameOf(index)} expected=scalar`);
    this.#notes.tailCall(at, index.constant);
    return undefined;
  }

  #enter(state: PathState, start: number): Rejected | undefined {
    const { at, frames, frame } = state;
    if (frames.length >= MOST_FRAMES)
      return reject(at, '-E2BIG', `the call stack of ${frames.length + 1} frames is too deep`);
    const passed: Record<number, (typeof frame.registers)[number]> = {};
    for (let register = 1; register <= 5; register++) passed[register] = frame.registers[register]!;
    for (const [register, { kind }] of Object.entries(passed)) {
      if (kind === 'stack') return reject(at, '-EACCES', `R${register} a pointer to the stack is not passed on here`);
    }
    const callee = new FrameState({ depth: frames.length, start, returnTo: at + 1 }, registersHolding(passed));
    this.#pending.push(new PathState(start, [...frames.map((one) => one.copy()), callee]));
    return undefined;
  }
}
