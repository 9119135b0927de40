/** Statements that leave the function: calls of helpers and functions, tail calls, and what bpf_rdonly_cast() is for. */
import {
  Callee,
  Class,
  type Instruction,
  Jump,
  Mode,
  Operation,
  Size,
  Source,
  WideSource,
  wideLoad,
} from '../model/bpf/instruction.ts';
import { RDONLY_CAST, TAIL_CALL_HELPER } from '../model/bpf/verifier/decisions.ts';
import { CONTEXT, type FunctionDraft, ProgramDraft } from './program-draft.ts';

type Statement = (draft: ProgramDraft) => void;

const { ADD, MOV } = Operation;
const SIZES = [Size.B, Size.H, Size.W, Size.DW];

function forgetCallerSaved(draft: ProgramDraft): void {
  for (let register = 0; register <= 5; register++) draft.forget(register);
  draft.holdsScalar(0);
}

/** bpf_get_smp_processor_id(), bpf_get_numa_node_id(), bpf_get_current_pid_tgid(): always the same here. */
export const helper: Statement = (draft) => {
  draft.add(Class.JMP | Jump.CALL, { immediate: draft.random.pick([8, 14, 42]) });
  forgetCallerSaved(draft);
};

/** Reads through a pointer that the verifier does not trust: to the context, or to nowhere. */
export const untrusted: Statement = (draft) => {
  const { random } = draft;
  const address = random.pick([-2n, 0xffff_ffff_ff60_0000n, 0x10n, 0x1000_0000_0000_0000n, -4096n]);
  if (random.chance(0.5)) draft.add(Class.ALU64 | MOV | Source.X, { dst: 1, src: CONTEXT });
  else draft.code.push(...wideLoad(1, address));
  draft.add(Class.ALU64 | MOV, { dst: 2, immediate: 1 });
  draft.add(Class.JMP | Jump.CALL, { src: Callee.KFUNC, immediate: RDONLY_CAST });
  forgetCallerSaved(draft);
  const size = random.pick(SIZES);
  const signed = size !== Size.DW && random.chance(0.4);
  const dst = random.pick([0, 7]);
  draft.add(Class.LDX | (signed ? Mode.MEMSX : Mode.MEM) | size, { dst, src: 0, offset: random.pick([0, 8, 16, 128]) });
  draft.forget(0);
  draft.holdsScalar(dst);
};

/** A function of its own behind main, with two numbers as arguments. `drawBody` draws its statements. */
export function callFunction(draft: ProgramDraft, drawBody: (callee: ProgramDraft) => void): void {
  const { random, functions } = draft;
  const known = functions.length > 0 && random.chance(0.4) ? random.pick(functions) : undefined;
  callBody(draft, known ?? { calls: [], body: drawFunction(draft, drawBody), takesContext: false });
}

function callBody(draft: ProgramDraft, target: FunctionDraft): void {
  const { functions, code } = draft;
  if (!functions.includes(target)) functions.push(target);
  if (target.takesContext) draft.add(Class.ALU64 | MOV | Source.X, { dst: 1, src: CONTEXT });
  else for (const register of [1, 2]) if (!draft.scalars.has(register)) draft.setScalar(register);
  target.calls.push(code.length);
  draft.add(Class.JMP | Jump.CALL, { src: Callee.FUNCTION });
  forgetCallerSaved(draft);
}

function drawFunction(
  { random, hasArena }: ProgramDraft,
  drawBody: (callee: ProgramDraft) => void,
): readonly Instruction[] {
  const callee = new ProgramDraft(random, { hasArena, isMain: false });
  callee.scalars.add(1).add(2);
  drawBody(callee);
  const result = callee.scalar();
  if (result !== 0) callee.add(Class.ALU64 | MOV | Source.X, { dst: 0, src: result });
  callee.add(Class.JMP | Jump.EXIT);
  return callee.code;
}

/** A function that gets the context and makes a tail call: the count is shared between it and its caller. */
export const callWithTailCall: Statement = (draft) => {
  const callee = new ProgramDraft(draft.random, { hasArena: draft.hasArena, isMain: true });
  callee.add(Class.ALU64 | MOV | Source.X, { dst: CONTEXT, src: 1 });
  tailCall(callee);
  callee.add(Class.ALU64 | MOV, { dst: 0, immediate: draft.random.below(3) });
  callee.add(Class.JMP | Jump.EXIT);
  const target = { calls: [], body: callee.code, takesContext: true };
  for (let left = draft.random.between(1, 2); left > 0; left--) callBody(draft, target);
};

/** Counts in the context how often it came here, then calls the program in a slot, whose index may be only known at run time. */
export const tailCall: Statement = (draft) => {
  const { random } = draft;
  draft.add(Class.LDX | Mode.MEM | Size.DW, { dst: 7, src: CONTEXT, offset: 56 });
  draft.add(Class.ALU64 | ADD, { dst: 7, immediate: 1 });
  draft.add(Class.STX | Mode.MEM | Size.DW, { dst: CONTEXT, src: 7, offset: 56 });
  draft.holdsScalar(7);
  draft.add(Class.ALU64 | MOV | Source.X, { dst: 1, src: CONTEXT });
  draft.code.push(...wideLoad(2, 1n, WideSource.MAP_FD));
  draft.add(Class.ALU64 | MOV, { dst: 3, immediate: random.below(4) });
  if (random.chance(0.3)) draft.add(Class.ALU64 | ADD, { dst: 3, immediate: random.pick([0, 0, 1, -1]) });
  draft.add(Class.JMP | Jump.CALL, { immediate: TAIL_CALL_HELPER });
  forgetCallerSaved(draft);
  draft.forget(0);
};
