/**
 * Classic BPF (socket filters, seccomp) and its translation to BPF (net/core/filter.c:bpf_convert_filter()).
 *
 *      bytes 0-1     byte 2   byte 3   bytes 4-7
 *    ┌────────────┬────────┬────────┬───────────────┐      little endian here; the accumulator A becomes r0, the index
 *    │ code       │ jt     │ jf     │ k, unsigned   │      register X r7, packet data is reached through r8 and r9
 *    └────────────┴────────┴────────┴───────────────┘
 *
 * Left out: ancillary loads (SKF_AD_OFF) and vlan, protocol and similar fields; such a filter is refused here, so that it is
 * never translated wrongly.
 */
import {
  A,
  CONTEXT,
  clear,
  exit,
  headerLength,
  jumpIf,
  load,
  move,
  openPacket,
  type PacketAccess,
  readPacket,
  setTo,
  TEMPORARY,
  X,
} from './classic-packet.ts';
import {
  Class,
  FRAME_POINTER,
  type Instruction,
  instruction,
  Jump,
  Mode,
  Operation,
  operationOf,
  Size,
  Source,
  sizeOf,
} from './instruction.ts';

export interface ClassicInstruction {
  readonly code: number;
  /** Instructions to skip when a condition holds, and when it does not. */
  readonly whenTrue: number;
  readonly whenFalse: number;
  readonly k: number;
}

export interface TranslatedFilter {
  readonly instructions: readonly Instruction[];
  readonly stackDepth: number;
}

/** Classes and modes that mean something else in classic BPF. */
const CLASSIC = { RET: 0x06, MISC: 0x07, MEM: 0x60, LEN: 0x80, MSH: 0xa0, TXA: 0x87, TAX: 0x07 } as const;

/** Reads `struct sock_filter` entries; undefined when the length is no multiple of eight. */
export function decodeClassic(bytes: Uint8Array): ClassicInstruction[] | undefined {
  if (bytes.length % 8 !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 8 }, (_, i) => ({
    code: view.getUint16(i * 8, true),
    whenTrue: view.getUint8(i * 8 + 2),
    whenFalse: view.getUint8(i * 8 + 3),
    k: view.getUint32(i * 8 + 4, true),
  }));
}

/** Translates a filter that the kernel has checked. Undefined when it uses what this translation leaves out. */
export function translateClassic(
  filter: readonly ClassicInstruction[],
  packet: PacketAccess,
): TranslatedFilter | undefined {
  const blocks: Instruction[][] = [];
  let stackDepth = 0;
  for (const classic of filter) {
    const block = translateOne(classic, packet);
    if (block === undefined) return undefined;
    blocks.push(block);
    if (isStore(classic)) stackDepth = Math.max(stackDepth, -slotOffset(classic.k));
  }
  const opening = prologue(filter.some(readsPacket), packet);
  return { instructions: [...opening, ...resolveJumps(filter, blocks)], stackDepth };
}

/** Both registers start at zero, and the context moves where calls preserve it. */
function prologue(readsPackets: boolean, packet: PacketAccess): Instruction[] {
  const always = [clear(A), clear(X), move(CONTEXT, 1)];
  return readsPackets ? [...always, ...openPacket(packet)] : always;
}

/** One classic instruction; jumps come without distances and with room for both targets. */
function translateOne(classic: ClassicInstruction, packet: PacketAccess): Instruction[] | undefined {
  const { code, k } = classic;
  const immediate = k | 0;
  switch (code & 7) {
    case Class.ALU:
      return translateArithmetic(code, immediate);
    case Class.JMP:
      return translateJump(classic);
    case CLASSIC.RET:
      return (code & 0x18) === 0 ? [setTo(A, immediate), exit] : [exit];
    case CLASSIC.MISC:
      return [code === CLASSIC.TXA ? move(A, X) : move(X, A)];
    case Class.ST:
    case Class.STX: {
      const src = (code & 7) === Class.ST ? A : X;
      return [instruction(Class.STX | Mode.MEM, { dst: FRAME_POINTER, src, offset: slotOffset(k) })];
    }
    default:
      return translateLoad(classic, packet);
  }
}

function translateArithmetic(code: number, immediate: number): Instruction[] {
  const operation = operationOf(code);
  if (operation === Operation.NEG) return [instruction(Class.ALU | Operation.NEG, { dst: A })];
  if ((code & Source.X) === 0) return [instruction(code, { dst: A, immediate })];
  const plain = instruction(code, { dst: A, src: X });
  const divides = operation === Operation.DIV || operation === Operation.MOD;
  if (!divides) return [plain];
  return [
    instruction(Class.ALU | Operation.MOV | Source.X, { dst: X, src: X }),
    jumpIf(Jump.JNE, X, 0, 2),
    clear(A),
    exit,
    plain,
  ];
}

function translateLoad({ code, k }: ClassicInstruction, packet: PacketAccess): Instruction[] | undefined {
  const to = (code & 7) === Class.LD ? A : X;
  switch (code & 0xe0) {
    case Mode.IMM:
      return [setTo(to, k | 0)];
    case CLASSIC.MEM:
      return [load(Size.W, to, FRAME_POINTER, slotOffset(k))];
    case CLASSIC.LEN:
      return [load(Size.W, to, CONTEXT, packet.lengthOffset)];
    case CLASSIC.MSH:
      return headerLength(k, packet);
    case Mode.ABS:
      if (to === X) return [load(Size.W, A, CONTEXT, k)];
      return k >= ANCILLARY_START ? undefined : readPacket(sizeOf(code), k | 0, false, packet);
    default:
      return readPacket(sizeOf(code), k | 0, true, packet);
  }
}

/** SKF_AD_OFF: from here on an absolute offset names metadata instead of packet bytes. */
const ANCILLARY_START = 0xfffff000;

/**
 * A comparison whose constant does not fit a signed immediate goes through a register. One jump does when the other way is
 * the next instruction, or when the condition has an opposite; else a second jump follows.
 */
function translateJump({ code, whenTrue, whenFalse, k }: ClassicInstruction): Instruction[] {
  const operation = operationOf(code);
  if (operation === Jump.JA) return [instruction(Class.JMP | Jump.JA)];
  const byRegister = (code & Source.X) !== 0;
  const wide = !byRegister && (k | 0) < 0;
  const opposite = whenFalse !== 0 && whenTrue === 0 ? OPPOSITE.get(operation) : undefined;
  const compare = instruction(Class.JMP | (opposite ?? operation) | (byRegister || wide ? Source.X : Source.K), {
    dst: A,
    src: byRegister ? X : wide ? TEMPORARY : 0,
    immediate: byRegister || wide ? 0 : k,
  });
  const twoWays = whenFalse !== 0 && opposite === undefined;
  return [...(wide ? [setTo(TEMPORARY, k | 0)] : []), compare, ...(twoWays ? [instruction(Class.JMP | Jump.JA)] : [])];
}

const OPPOSITE: ReadonlyMap<number, number> = new Map([
  [Jump.JEQ, Jump.JNE],
  [Jump.JGT, Jump.JLE],
  [Jump.JGE, Jump.JLT],
]);

/** Distances between classic instructions become distances between what they were translated to. */
function resolveJumps(filter: readonly ClassicInstruction[], blocks: readonly Instruction[][]): Instruction[] {
  const starts: number[] = [0];
  for (const block of blocks) starts.push(starts.at(-1)! + block.length);
  return blocks.flatMap((block, i) => {
    const classic = filter[i]!;
    if ((classic.code & 7) !== Class.JMP) return block;
    const to = (distance: number, from: number) => starts[i + 1 + distance]! - (starts[i]! + from + 1);
    const last = block.length - 1;
    const unconditional = operationOf(classic.code) === Jump.JA;
    const second = !unconditional && operationOf(block[last]!.opcode) === Jump.JA;
    return block.map((slot, at) => {
      if (unconditional) return { ...slot, offset: to(classic.k, at) };
      if (at === last)
        return { ...slot, offset: to(second || isOpposite(classic) ? classic.whenFalse : classic.whenTrue, at) };
      return at === last - 1 && second ? { ...slot, offset: to(classic.whenTrue, at) } : slot;
    });
  });
}

const isOpposite = ({ code, whenTrue, whenFalse }: ClassicInstruction): boolean =>
  whenTrue === 0 && whenFalse !== 0 && OPPOSITE.has(operationOf(code));

const isStore = ({ code }: ClassicInstruction): boolean => (code & 7) === Class.ST || (code & 7) === Class.STX;

/** The sixteen scratch words lie below the frame pointer. */
const slotOffset = (k: number): number => -(k * 4 + 4);

/** Whether r8 and r9 are needed. */
const readsPacket = ({ code }: ClassicInstruction): boolean =>
  ((code & 7) === Class.LD && ((code & 0xe0) === Mode.ABS || (code & 0xe0) === Mode.IND)) ||
  (code & 0xe7) === (CLASSIC.MSH | Class.LDX);
