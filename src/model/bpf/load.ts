/**
 * Loading a program as its author wrote it: what BPF_PROG_LOAD does to the instructions between the system call and the JIT
 * (kernel/bpf/verifier.c: check_subprogs(), do_misc_fixups(), jit_subprogs()). The program is checked for form, rewritten,
 * and cut into its functions. That it is safe is not asked: what a bad program does shows when it runs.
 */

import { Callee, Class, encodeInstructions, type Instruction, Jump } from './instruction.ts';
import { MOST_FRAMES } from './interpreter.ts';
import type { FunctionLink, JitFunction } from './jit/program.ts';
import { helperNumbered } from './kernel-function.ts';
import { frameReach, MAX_STACK, stackDepthOf } from './stack-depth.ts';
import { functionDistance, jumpDistance, type Malformation, validate } from './validate.ts';
import type { VerifierDecisions } from './verifier/decisions.ts';
import { rewritten } from './verifier-rewrite.ts';

/** BPF_COMPLEXITY_LIMIT_INSNS: the most slots a program may have when its loader is privileged. */
export const MOST_INSTRUCTIONS = 1_000_000;

export interface LoadOptions {
  /** The number of the verifier's own register; see JitBehaviour. */
  readonly auxiliary: number;
  /** How far a helper's address lies from __bpf_call_base. */
  helperDistance(number: number): number;
  /** Bytes of stack of every function; by default what each is seen to use. */
  readonly stackDepth?: number;
  /** What the verifier found out about the program, for worlds in which programs are verified. */
  readonly verified?: VerifiedParts;
}

/** A verified program, and what its verification says beyond the instructions. */
export interface VerifiedParts {
  /** The program's slots with pointers' kinds and casts written into them; as many as its author wrote. */
  readonly slots: readonly Instruction[];
  readonly decisions: VerifierDecisions;
  /** Bytes of stack of the function that begins at a slot. */
  stackBytes(functionStart: number): number;
}

export interface LoadedProgram {
  readonly kind: 'loaded';
  readonly functions: readonly JitFunction[];
  /** Of each function, the index in the author's program that each of its slots stands for, and one more for its end. */
  readonly origins: readonly (readonly number[])[];
}

/** The program is not one. */
export interface LoadRefusal extends Malformation {
  readonly kind: 'malformed';
}

export function loadProgram(program: readonly Instruction[], options: LoadOptions): LoadedProgram | LoadRefusal {
  const { verified } = options;
  const malformation = verified === undefined ? malformationOf(program) : undefined;
  if (malformation !== undefined) return { kind: 'malformed', ...malformation };
  const starts = functionStarts(program);
  const deepCall = deepCallOf(program, starts);
  if (deepCall !== undefined) return { kind: 'malformed', ...deepCall };
  const reachable = tailCallReachable(verified?.slots ?? program, starts);
  const functions: JitFunction[] = [];
  const origins: number[][] = [];
  for (const [index, start] of starts.entries()) {
    const slots = (verified?.slots ?? program).slice(start, starts[index + 1] ?? program.length);
    const { code, origin, overflow } = rewriteFunction(slots, start, options);
    if (overflow !== undefined) return { kind: 'malformed', index: overflow, message: 'the jump becomes too far' };
    functions.push({
      code: encodeInstructions(code),
      stackDepth: options.stackDepth ?? verified?.stackBytes(start) ?? stackDepthOf(slots),
      tailCallReachable: reachable[index]!,
      exceptionBoundary: false,
      exceptionCallback: false,
      privateStack: undefined,
      links: linksOf(code, origin, program, starts),
    });
    origins.push(origin);
  }
  return { kind: 'loaded', functions, origins };
}

/** The first thing that is wrong with the form of a program. `isKnown` says of calls which are more than helpers modelled here. */
export function malformationOf(
  program: readonly Instruction[],
  isKnown: (call: Instruction) => boolean = () => false,
): Malformation | undefined {
  if (program.length === 0) return { index: 0, message: 'the program is empty' };
  if (program.length > MOST_INSTRUCTIONS) {
    return { index: MOST_INSTRUCTIONS, message: `a program has at most ${MOST_INSTRUCTIONS} instructions` };
  }
  return (
    validate(program, { unverified: true })[0] ??
    strayJump(program) ??
    openEnd(program) ??
    unknownCall(program, isKnown) ??
    deepStack(program)
  );
}

/** Where functions begin: at slot 0, at what is called, and at what an address is taken of. */
function functionStarts(program: readonly Instruction[]): readonly number[] {
  const starts = program.flatMap((slot, index) => {
    const distance = functionDistance(slot);
    return distance === undefined ? [] : [index + 1 + distance];
  });
  return [...new Set([0, ...starts])].sort((left, right) => left - right);
}

function strayJump(program: readonly Instruction[]): Malformation | undefined {
  const starts = functionStarts(program);
  let current = 0;
  for (const [index, slot] of program.entries()) {
    while (index >= (starts[current + 1] ?? program.length)) current++;
    const distance = jumpDistance(slot);
    if (distance === undefined) continue;
    const target = index + 1 + distance;
    if (target < starts[current]! || target >= (starts[current + 1] ?? program.length)) {
      return { index, message: `a jump to slot ${target}, which is in another function` };
    }
  }
  return undefined;
}

/** check_subprogs(): no function runs on into the next. */
function openEnd(program: readonly Instruction[]): Malformation | undefined {
  const ends = functionStarts(program).slice(1);
  const open = ends.find((end) => !LEAVING.has(program[end - 1]!.opcode));
  return open === undefined
    ? undefined
    : { index: open - 1, message: 'the function does not end in an exit or a jump' };
}

const LEAVING: ReadonlySet<number> = new Set([Class.JMP | Jump.EXIT, Class.JMP | Jump.JA, Class.JMP32 | Jump.JA]);

function unknownCall(
  program: readonly Instruction[],
  isKnown: (call: Instruction) => boolean,
): Malformation | undefined {
  for (const [index, call] of program.entries()) {
    const { opcode, src, immediate } = call;
    if (opcode !== (Class.JMP | Jump.CALL) || src === Callee.FUNCTION || isKnown(call)) continue;
    if (src === Callee.KFUNC) return { index, message: `a call of the kernel function with BTF id ${immediate}` };
    if (helperNumbered(immediate) === undefined) return { index, message: `helper ${immediate} is not modelled` };
  }
  return undefined;
}

function deepStack(program: readonly Instruction[]): Malformation | undefined {
  const index = program.findIndex((slot) => frameReach(slot) < -MAX_STACK);
  return index < 0 ? undefined : { index, message: `the stack overflows: a function has ${MAX_STACK} bytes of it` };
}

/** check_max_stack_depth(): no chain of calls is longer than eight functions, and so none comes back to where it was. */
function deepCallOf(program: readonly Instruction[], starts: readonly number[]): Malformation | undefined {
  const calls = starts.map(() => [] as { readonly index: number; readonly callee: number }[]);
  let caller = 0;
  for (const [index, slot] of program.entries()) {
    while (index >= (starts[caller + 1] ?? program.length)) caller++;
    const distance = slot.opcode === (Class.JMP | Jump.CALL) ? functionDistance(slot) : undefined;
    if (distance !== undefined) calls[caller]!.push({ index, callee: starts.indexOf(index + 1 + distance) });
  }
  // The most functions that stood above each function when its calls were followed: no shorter way needs a second look.
  const followed = starts.map(() => 0);
  const follow = (fn: number, depth: number): Malformation | undefined => {
    if (followed[fn]! >= depth) return undefined;
    followed[fn] = depth;
    for (const { index, callee } of calls[fn]!) {
      if (depth >= MOST_FRAMES) return { index, message: `calls go deeper than ${MOST_FRAMES} functions` };
      const found = follow(callee, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return follow(0, 1);
}

/**
 * Which functions hand the count of tail calls on: those with a tail call and whoever calls one of these
 * (check_max_stack_depth()). Functions stand in the order of their starts, so calls may go either way.
 */
function tailCallReachable(slots: readonly Instruction[], starts: readonly number[]): readonly boolean[] {
  const functionOf = (index: number) => starts.findLastIndex((start) => start <= index);
  const reachable = starts.map(() => false);
  const callers = starts.map(() => new Set<number>());
  for (const [index, slot] of slots.entries()) {
    const distance = slot.opcode === (Class.JMP | Jump.CALL) ? functionDistance(slot) : undefined;
    if (distance !== undefined) callers[starts.indexOf(index + 1 + distance)]!.add(functionOf(index));
    if (slot.opcode === (Class.JMP | Jump.TAIL_CALL)) reachable[functionOf(index)] = true;
  }
  const pending = starts.map((_, index) => index).filter((index) => reachable[index]);
  for (let callee = pending.pop(); callee !== undefined; callee = pending.pop()) {
    for (const caller of callers[callee]!) {
      if (!reachable[caller]) pending.push(caller);
      reachable[caller] = true;
    }
  }
  return reachable;
}

interface Rewritten {
  readonly code: readonly Instruction[];
  readonly origin: number[];
  /** Index of a jump that cannot reach its target any more. */
  readonly overflow: number | undefined;
}

/** Rewrites the slots of one function, which begins at slot `start`, and lets its jumps reach where they did. */
function rewriteFunction(slots: readonly Instruction[], start: number, options: LoadOptions): Rewritten {
  const parts = slots.map((slot) =>
    rewritten(withHelper(slot, options), options.auxiliary, options.verified?.decisions),
  );
  const places: number[] = [];
  let place = 0;
  for (const part of parts) {
    places.push(place);
    place += part.length;
  }
  let overflow: number | undefined;
  const code = parts.flatMap((part, index) => {
    const distance = jumpDistance(slots[index]!);
    if (distance === undefined) return part;
    const moved = places[index + 1 + distance]! - places[index]! - 1;
    const far = slots[index]!.opcode === (Class.JMP32 | Jump.JA);
    if (!far && moved !== (moved << 16) >> 16) overflow ??= start + index;
    return [{ ...part[0]!, ...(far ? { immediate: moved } : { offset: moved }) }];
  });
  const origin = parts.flatMap((part, index) => part.map(() => start + index));
  return { code, origin: [...origin, start + slots.length], overflow };
}

/** Helpers are called by their distance from __bpf_call_base. */
function withHelper(slot: Instruction, { helperDistance }: LoadOptions): Instruction {
  const isHelper = slot.opcode === (Class.JMP | Jump.CALL) && slot.src === Callee.HELPER;
  return isHelper ? { ...slot, immediate: helperDistance(slot.immediate) } : slot;
}

function linksOf(
  code: readonly Instruction[],
  origin: readonly number[],
  program: readonly Instruction[],
  starts: readonly number[],
): readonly FunctionLink[] {
  return code.flatMap((_, slot) => {
    const distance = functionDistance(program[origin[slot]!]!);
    return distance === undefined ? [] : [{ slot, callee: starts.indexOf(origin[slot]! + 1 + distance) }];
  });
}
