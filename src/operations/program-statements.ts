/** The statements that programs are drawn from. Each leaves the draft knowing what registers and stack hold behind it. */
import { Atomic, Class, Jump, Mode, Operation, Size, Source, wideLoad } from '../model/bpf/instruction.ts';
import { drawArenaStatement } from './program-arena-statements.ts';
import { callFunction, callWithTailCall, helper, tailCall, untrusted } from './program-call-statements.ts';
import { CONTEXT, COUNTER, drawImmediate, type ProgramDraft } from './program-draft.ts';

type Statement = (draft: ProgramDraft) => void;

/** One statement; those that contain others become rarer the deeper it stands. */
function drawStatement(draft: ProgramDraft): void {
  const { random, depth, hasArena } = draft;
  if (hasArena && random.chance(0.45)) drawArenaStatement(draft);
  else random.pick(statementsFor(draft, depth < 2 && random.chance(0.2)))(draft);
}

export function drawStatements(draft: ProgramDraft, count: number): void {
  for (let left = count; left > 0; left--) drawStatement(draft);
}

function statementsFor({ isMain, keepsKinds }: ProgramDraft, containers: boolean): readonly Statement[] {
  const everything = isMain && !keepsKinds;
  if (containers) return everything ? MAIN_CONTAINERS : CONTAINERS;
  return everything ? MAIN_PLAIN : PLAIN;
}

const sizes = [Size.B, Size.H, Size.W, Size.DW];
const bytesOf = (size: number): number => ({ [Size.B]: 1, [Size.H]: 2, [Size.W]: 4 })[size] ?? 8;

const { ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, MOD, XOR, MOV, ARSH, END } = Operation;

const arithmetic: Statement = (draft) => {
  const { random } = draft;
  const dst = draft.scalar();
  const wide = random.chance(0.5) ? Class.ALU64 : Class.ALU;
  const operation = random.pick([ADD, SUB, MUL, OR, AND, XOR, LSH, RSH, ARSH, NEG]);
  if (operation === NEG) draft.add(wide | NEG, { dst });
  else if (random.chance(0.5)) draft.add(wide | operation | Source.X, { dst, src: draft.scalar() });
  else {
    const isShift = operation === LSH || operation === RSH || operation === ARSH;
    const immediate = isShift ? random.below(wide === Class.ALU64 ? 64 : 32) : drawImmediate(random);
    draft.add(wide | operation, { dst, immediate });
  }
};

const division: Statement = (draft) => {
  const { random } = draft;
  const dst = draft.scalar();
  const opcode = (random.chance(0.5) ? Class.ALU64 : Class.ALU) | random.pick([DIV, MOD]);
  const offset = random.pick([0, 1]);
  if (random.chance(0.5)) draft.add(opcode | Source.X, { dst, src: draft.scalar(), offset });
  else draft.add(opcode, { dst, offset, immediate: drawImmediate(random) || 3 });
};

/** The most negative number, by minus one: what x86 cannot divide. */
const overflowingDivision: Statement = (draft) => {
  const { random } = draft;
  const dst = draft.scalar();
  const wide = random.chance(0.5);
  const class_ = wide ? Class.ALU64 : Class.ALU;
  draft.add(Class.ALU64 | MOV, { dst, immediate: 1 });
  draft.add(Class.ALU64 | LSH, { dst, immediate: wide ? 63 : 31 });
  const operation = random.pick([DIV, MOD]);
  if (random.chance(0.5)) draft.add(class_ | operation, { dst, offset: 1, immediate: -1 });
  else {
    const src = draft.target();
    draft.add(Class.ALU64 | MOV, { dst: src, immediate: -1 });
    draft.holdsScalar(src);
    if (src !== dst) draft.add(class_ | operation | Source.X, { dst, src, offset: 1 });
  }
};

const move: Statement = (draft) => {
  const { random } = draft;
  const src = draft.scalar();
  const dst = draft.target();
  const wide = random.chance(0.5);
  const offset = random.pick(wide ? [0, 0, 8, 16, 32] : [0, 0, 8, 16]);
  draft.add((wide ? Class.ALU64 : Class.ALU) | MOV | Source.X, { dst, src, offset });
  draft.holdsScalar(dst);
};

const constant: Statement = (draft) => draft.setScalar(draft.target());

const wideConstant: Statement = (draft) => {
  const { random } = draft;
  const dst = draft.target();
  const value = random.pick([0n, 1n, 0xffff_ffffn, 0x1_0000_0005n, 1n << 63n, (1n << 64n) - 1n, random.word()]);
  draft.code.push(...wideLoad(dst, value));
  draft.holdsScalar(dst);
};

const byteOrder: Statement = (draft) => {
  const { random } = draft;
  const opcode = random.pick([Class.ALU | END, Class.ALU | END | Source.X, Class.ALU64 | END]);
  draft.add(opcode, { dst: draft.scalar(), immediate: random.pick([16, 32, 64]) });
};

/** Fills a stack slot, or only a part of one, so that the stack ends anywhere; and reads the part. */
const stack: Statement = (draft) => {
  const { random } = draft;
  const slot = -8 * random.between(1, random.chance(0.2) ? 20 : 3);
  if (random.chance(0.6)) {
    storeOnStack(draft, Size.DW, slot);
    draft.slots.add(slot);
  }
  const size = random.pick(sizes);
  const offset = slot + bytesOf(size) * random.below(8 / bytesOf(size));
  storeOnStack(draft, size, offset);
  const dst = draft.target();
  const signed = size !== Size.DW && random.chance(0.4);
  draft.add(Class.LDX | (signed ? Mode.MEMSX : Mode.MEM) | size, { dst, src: 10, offset });
  draft.holdsScalar(dst);
};

function storeOnStack(draft: ProgramDraft, size: number, offset: number): void {
  const { random } = draft;
  if (random.chance(0.6)) draft.add(Class.STX | Mode.MEM | size, { dst: 10, src: draft.scalar(), offset });
  else draft.add(Class.ST | Mode.MEM | size, { dst: 10, offset, immediate: drawImmediate(random) });
}

/** A byte of the frame pointer itself, which is the same in the interpreter while the function is main. */
const frameByte: Statement = (draft) => {
  const offset = -draft.random.between(1, 16);
  draft.add(Class.STX | Mode.MEM | Size.B, { dst: 10, src: 10, offset });
  const dst = draft.target();
  draft.add(Class.LDX | Mode.MEM | Size.B, { dst, src: 10, offset });
  draft.holdsScalar(dst);
  for (const slot of [-8, -16]) draft.slots.delete(slot);
};

const context: Statement = (draft) => {
  const { random } = draft;
  const size = random.pick(sizes);
  const offset = bytesOf(size) * random.below(64 / bytesOf(size));
  if (random.chance(0.5)) draft.add(Class.STX | Mode.MEM | size, { dst: CONTEXT, src: draft.scalar(), offset });
  else {
    const dst = draft.target();
    const signed = size !== Size.DW && random.chance(0.4);
    draft.add(Class.LDX | (signed ? Mode.MEMSX : Mode.MEM) | size, { dst, src: CONTEXT, offset });
    draft.holdsScalar(dst);
  }
};

/** The kinds of atomic instruction; twice those that take a loop, where r0 is in the way. */
const ATOMICS = [
  ADD,
  AND,
  OR,
  XOR,
  ...[ADD, AND, OR, XOR, AND, OR, XOR].map((operation) => operation | Atomic.FETCH),
  Atomic.XCHG,
  Atomic.CMPXCHG,
] as const;

const atomic: Statement = (draft) => {
  const { random } = draft;
  const slot = -8 * random.between(1, 2);
  const src = random.chance(0.5) && !draft.keepsKinds ? 0 : draft.scalar();
  if (!draft.scalars.has(src)) draft.setScalar(src);
  draft.add(Class.STX | Mode.MEM | Size.DW, { dst: 10, src: draft.scalar(), offset: slot });
  draft.slots.add(slot);
  const kind = random.pick(ATOMICS);
  if (kind === Atomic.CMPXCHG) prepareExchange(draft, slot);
  draft.add(Class.STX | Mode.ATOMIC | random.pick([Size.W, Size.DW]), { dst: 10, src, offset: slot, immediate: kind });
  if (random.chance(0.5)) return;
  const dst = draft.target();
  draft.add(Class.LDX | Mode.MEM | Size.DW, { dst, src: 10, offset: slot });
  draft.holdsScalar(dst);
};

/** An exchange of 32 bits that succeeds while the upper half of r0 is not zero. */
const narrowExchange: Statement = (draft) => {
  const { random } = draft;
  if (draft.keepsKinds) return;
  draft.code.push(...wideLoad(0, random.pick([0x1_0000_0005n, (1n << 64n) - 1n, 1n << 63n])));
  draft.holdsScalar(0);
  draft.add(Class.STX | Mode.MEM | Size.DW, { dst: 10, src: 0, offset: -8 });
  draft.slots.add(-8);
  const src = draft.scalar();
  draft.add(Class.STX | Mode.ATOMIC | Size.W, { dst: 10, src, offset: -8, immediate: Atomic.CMPXCHG });
  if (draft.isMain) draft.add(Class.STX | Mode.MEM | Size.DW, { dst: CONTEXT, src: 0, offset: 8 * random.below(7) });
};

/** r0 agrees with what is in memory, at least in its lower half. */
function prepareExchange(draft: ProgramDraft, slot: number): void {
  if (draft.random.chance(0.7)) draft.add(Class.LDX | Mode.MEM | Size.DW, { dst: 0, src: 10, offset: slot });
  else if (!draft.scalars.has(0)) draft.setScalar(0);
  draft.holdsScalar(0);
  if (draft.random.chance(0.5)) {
    draft.add(Class.ST | Mode.MEM | Size.W, { dst: 10, offset: slot + 4, immediate: 0 });
  }
}

const conditions = [
  Jump.JEQ,
  Jump.JGT,
  Jump.JGE,
  Jump.JSET,
  Jump.JNE,
  Jump.JSGT,
  Jump.JSGE,
  Jump.JLT,
  Jump.JLE,
  Jump.JSLT,
  Jump.JSLE,
];

/** A conditional jump over what `part` adds. */
function jumpOver(draft: ProgramDraft, part: () => void): void {
  const { random, code } = draft;
  const opcode = (random.chance(0.5) ? Class.JMP : Class.JMP32) | random.pick(conditions);
  const dst = draft.scalar();
  const by = random.chance(0.5) ? { src: draft.scalar() } : { immediate: drawImmediate(random) };
  const at = code.length;
  draft.add('src' in by ? opcode | Source.X : opcode, { dst, ...by });
  draft.maybe(part);
  code[at] = { ...code[at]!, offset: code.length - at - 1 };
}

const branch: Statement = (draft) => jumpOver(draft, () => drawStatements(draft, draft.random.between(1, 3)));

/** What takes many bytes: jumps over some of these are as far as a short jump reaches. */
const farBranch: Statement = (draft) =>
  jumpOver(draft, () => {
    const { random } = draft;
    for (let left = random.between(2, 3); left > 0; left--) division(draft);
    for (let left = random.between(0, 4); left > 0; left--) random.pick([arithmetic, move, wideConstant])(draft);
  });

/** A few rounds of statements that leave every register holding what kind of thing it held. */
const loop: Statement = (draft) => {
  const { random, code } = draft;
  if (draft.keepsKinds) {
    arithmetic(draft);
    return;
  }
  draft.scalar();
  draft.add(Class.ALU64 | MOV, { dst: COUNTER, immediate: random.between(1, 5) });
  const start = code.length;
  draft.keepsKinds = true;
  draft.depth++;
  drawStatements(draft, random.between(1, 2));
  draft.depth--;
  draft.keepsKinds = false;
  draft.add(Class.ALU64 | ADD, { dst: COUNTER, immediate: -1 });
  draft.add(Class.JMP | Jump.JNE, { dst: COUNTER, offset: start - code.length - 1 });
};

const call: Statement = (draft) => callFunction(draft, (callee) => drawStatements(callee, callee.random.between(1, 3)));

/** A cast in a program without an arena, which the verifier refuses. */
const castWithoutArena: Statement = (draft) => {
  if (draft.hasArena || !draft.random.chance(0.2)) arithmetic(draft);
  else draft.add(Class.ALU64 | MOV | Source.X, { dst: draft.scalar(), src: draft.scalar(), offset: 1, immediate: 1 });
};

const PLAIN: readonly Statement[] = [
  arithmetic,
  arithmetic,
  division,
  overflowingDivision,
  move,
  constant,
  wideConstant,
  byteOrder,
  stack,
  atomic,
  atomic,
  narrowExchange,
];
const MAIN_PLAIN: readonly Statement[] = [
  ...PLAIN,
  context,
  frameByte,
  helper,
  untrusted,
  untrusted,
  tailCall,
  tailCall,
  tailCall,
  castWithoutArena,
];
const CONTAINERS: readonly Statement[] = [branch, farBranch, loop];
const MAIN_CONTAINERS: readonly Statement[] = [...CONTAINERS, call, call, callWithTailCall];
