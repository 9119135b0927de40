/** Statements of programs that use an arena: casts, arithmetic on pointers, accesses of every kind at every kind of place. */
import {
  Atomic,
  CAST_TO_USER,
  Class,
  Jump,
  Mode,
  MoveOffset,
  Operation,
  Size,
  Source,
  wideLoad,
} from '../model/bpf/instruction.ts';
import { CONTEXT, drawImmediate, type ProgramDraft } from './program-draft.ts';
import { ARENA_PAGES, ARENA_START } from './whole-arena.ts';

export function drawArenaStatement(draft: ProgramDraft): void {
  if (draft.arenaPointers.size === 0) {
    if (draft.keepsKinds) draft.setScalar(draft.scalar());
    else makePointer(draft);
    return;
  }
  draft.random.pick(draft.keepsKinds ? IN_LOOPS : STATEMENTS)(draft);
}

const pointer = (draft: ProgramDraft): number => draft.random.pick([...draft.arenaPointers]);

/** A number becomes a pointer, in its register or another: most often to a page of the arena, seldom beside all of them. */
function makePointer(draft: ProgramDraft): void {
  const { random } = draft;
  const src = draft.target();
  const dst = random.chance(0.5) ? src : draft.target();
  const place = random.chance(0.9)
    ? 4096 * random.below(ARENA_PAGES) + 8 * random.below(4)
    : random.between(-9000, 40_000);
  draft.add(Class.ALU64 | Operation.MOV, { dst: src, immediate: ARENA_START + place });
  draft.holdsScalar(src);
  draft.add(Class.ALU64 | Operation.MOV | Source.X, { dst, src, offset: MoveOffset.ADDRESS_SPACE_CAST, immediate: 1 });
  draft.forget(dst);
  draft.arenaPointers.add(dst);
}

/** The pointer is cast from another register, which keeps its number. */
function castPointer(draft: ProgramDraft): void {
  const src = pointer(draft);
  const user = draft.target();
  draft.add(Class.ALU64 | Operation.MOV | Source.X, {
    dst: user,
    src,
    offset: MoveOffset.ADDRESS_SPACE_CAST,
    immediate: CAST_TO_USER,
  });
  draft.holdsScalar(user);
  const back = draft.target();
  draft.add(Class.ALU64 | Operation.MOV | Source.X, {
    dst: back,
    src: user,
    offset: MoveOffset.ADDRESS_SPACE_CAST,
    immediate: 1,
  });
  draft.forget(back);
  draft.arenaPointers.add(back);
  draft.add(Class.ST | Mode.MEM | Size.W, { dst: back, immediate: drawImmediate(draft.random) });
}

function shiftPointer(draft: ProgramDraft): void {
  const { random } = draft;
  const wide = random.chance(0.7) ? Class.ALU64 : Class.ALU;
  const operation = random.pick([Operation.ADD, Operation.SUB]);
  draft.add(wide | operation, { dst: pointer(draft), immediate: random.pick([8, 16, 4096, -8, 0x7fff_ffff]) });
}

const SIZES = [Size.B, Size.H, Size.W, Size.DW];
const OFFSETS = [0, 0, 0, 8, 127, 128, -8, 4088, 4096, -128, 32_767];

function load(draft: ProgramDraft): void {
  const { random } = draft;
  const src = pointer(draft);
  const dst = draft.target();
  const size = random.pick(SIZES);
  const offset = random.pick(OFFSETS);
  if (random.chance(0.15)) {
    if (!draft.scalars.has(dst) && dst !== src) draft.setScalar(dst);
    draft.add(Class.STX | Mode.ATOMIC | size, { dst, src, offset, immediate: Atomic.LOAD_ACQUIRE });
  } else {
    const signed = size !== Size.DW && random.chance(0.15);
    draft.add(Class.LDX | (signed ? Mode.MEMSX : Mode.MEM) | size, { dst, src, offset });
  }
  draft.holdsScalar(dst);
}

function store(draft: ProgramDraft): void {
  const { random } = draft;
  const size = random.pick(SIZES);
  const place = { dst: pointer(draft), offset: random.pick(OFFSETS) };
  if (random.chance(0.1))
    draft.add(Class.STX | Mode.ATOMIC | size, { ...place, src: draft.scalar(), immediate: Atomic.STORE_RELEASE });
  else if (random.chance(0.5)) draft.add(Class.STX | Mode.MEM | size, { ...place, src: draft.scalar() });
  else
    draft.add(Class.ST | Mode.MEM | size, {
      ...place,
      immediate: random.chance(0.5) ? random.between(0x1000_0000, 0x7fff_ffff) : drawImmediate(random),
    });
}

function atomic(draft: ProgramDraft): void {
  const { random } = draft;
  const dst = pointer(draft);
  const src = draft.scalar();
  const kind = random.pick(LOCKED);
  if (kind === Atomic.CMPXCHG && !draft.scalars.has(0)) {
    if (draft.keepsKinds || dst === 0) return;
    draft.setScalar(0);
  }
  draft.add(Class.STX | Mode.ATOMIC | random.pick([Size.W, Size.DW]), {
    dst,
    src,
    offset: random.pick(OFFSETS),
    immediate: kind,
  });
}

/** What a single locked instruction does; fetching logic needs a loop, which no exception entry describes. */
const { ADD, AND, OR, XOR } = Operation;
const LOCKED = [ADD, AND, OR, XOR, ADD | Atomic.FETCH, Atomic.XCHG, Atomic.CMPXCHG];

/** An exchange of 32 bits that succeeds on a fresh page while the upper half of r0 is not zero. */
function narrowExchange(draft: ProgramDraft): void {
  const { random } = draft;
  const dst = pointer(draft);
  if (dst === 0) {
    store(draft);
    return;
  }
  draft.code.push(...wideLoad(0, 0x1_0000_0000n));
  draft.holdsScalar(0);
  const offset = random.pick([0, 16, 64]);
  draft.add(Class.STX | Mode.ATOMIC | Size.W, { dst, src: draft.scalar(), offset, immediate: Atomic.CMPXCHG });
  if (draft.isMain) draft.add(Class.STX | Mode.MEM | Size.DW, { dst: CONTEXT, src: 0, offset: 8 * random.below(7) });
}

/** Now and then what the verifier refuses, so that a kernel which does not shows. */
function fetchingLogic(draft: ProgramDraft): void {
  const { random } = draft;
  if (!random.chance(0.3)) {
    store(draft);
    return;
  }
  draft.add(Class.STX | Mode.ATOMIC | Size.DW, {
    dst: pointer(draft),
    src: draft.scalar(),
    immediate: random.pick([AND, OR, XOR]) | Atomic.FETCH,
  });
}

/** An atomic instruction that an arena pointer reaches on one way and a stack pointer on another, which is refused. */
function twoPointers(draft: ProgramDraft): void {
  const { random } = draft;
  if (!random.chance(0.9) || !draft.isMain) {
    load(draft);
    return;
  }
  const src = draft.scalar();
  const from = pointer(draft);
  const dst = [7, 8, 9].find((register) => register !== src && register !== from)!;
  draft.add(Class.ST | Mode.MEM | Size.DW, { dst: 10, offset: -8, immediate: 7 });
  draft.add(Class.ALU64 | Operation.MOV | Source.X, { dst, src: 10 });
  draft.add(Class.JMP | Jump.JNE, { dst: src, offset: 1, immediate: random.pick([0, 1, 0x1234]) });
  draft.add(Class.ALU64 | Operation.MOV | Source.X, { dst, src: from });
  draft.add(Class.STX | Mode.ATOMIC | Size.DW, { dst, src, offset: -8, immediate: ADD | Atomic.FETCH });
  draft.forget(dst);
  draft.add(Class.LDX | Mode.MEM | Size.DW, { dst, src: 10, offset: -8 });
  draft.add(Class.STX | Mode.MEM | Size.DW, { dst: CONTEXT, src: dst, offset: 8 * random.below(7) });
  draft.slots.add(-8);
}

type Statement = (draft: ProgramDraft) => void;
const IN_LOOPS: readonly Statement[] = [load, store, atomic, store];
const STATEMENTS: readonly Statement[] = [
  load,
  load,
  store,
  store,
  atomic,
  atomic,
  shiftPointer,
  castPointer,
  castPointer,
  makePointer,
  fetchingLogic,
  twoPointers,
  twoPointers,
  narrowExchange,
  narrowExchange,
];
