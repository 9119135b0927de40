/**
 * How much stack a function uses, as far as one look along its slots tells: accesses through the frame pointer and through
 * copies of it that constants are added to. The verifier follows every path and knows more (check_stack_access_within_bounds()
 * and update_stack_depth() in kernel/bpf/verifier.c); a copy that is changed in any other way counts as using all of it.
 */
import { Class, classOf, FRAME_POINTER, type Instruction, Operation, operationOf, Source } from './instruction.ts';

/** MAX_BPF_STACK: bytes of stack that a function has. */
export const MAX_STACK = 512;

/** Bytes below the frame pointer, rounded up to eight as the verifier counts them. */
export function stackDepthOf(slots: readonly Instruction[]): number {
  const copies = new Map<number, number>([[FRAME_POINTER, 0]]);
  let depth = 0;
  for (const slot of slots) {
    depth = Math.max(depth, -reach(slot, copies));
    follow(slot, copies);
    for (const distance of copies.values()) depth = Math.max(depth, -distance);
  }
  return Math.ceil(depth / 8) * 8;
}

/** The lowest byte that an instruction touches through the frame pointer itself, relative to it; 0 for all others. */
export const frameReach = (slot: Instruction): number => reach(slot, FRAME_POINTER_ALONE);

const FRAME_POINTER_ALONE: ReadonlyMap<number, number> = new Map([[FRAME_POINTER, 0]]);

/** The lowest byte that an instruction touches, relative to the frame pointer. */
function reach({ opcode, dst, src, offset }: Instruction, copies: ReadonlyMap<number, number>): number {
  const class_ = classOf(opcode);
  const isAccess = class_ === Class.LDX || class_ === Class.ST || class_ === Class.STX;
  const base = isAccess ? copies.get(class_ === Class.LDX ? src : dst) : undefined;
  return base === undefined ? 0 : base + offset;
}

function follow({ opcode, dst, src, offset, immediate }: Instruction, copies: Map<number, number>): void {
  const class_ = classOf(opcode);
  const operation = operationOf(opcode);
  const fromRegister = (opcode & Source.X) !== 0;
  if (class_ === Class.LDX || class_ === Class.LD) {
    if (dst !== FRAME_POINTER) copies.delete(dst);
  } else if (class_ === Class.ALU || class_ === Class.ALU64) {
    const from = fromRegister ? copies.get(src) : undefined;
    const held = copies.get(dst);
    const wide = class_ === Class.ALU64;
    if (wide && operation === Operation.MOV && offset === 0 && from !== undefined) copies.set(dst, from);
    else if (wide && operation === Operation.ADD && !fromRegister && held !== undefined)
      copies.set(dst, held + immediate);
    else if (operation === Operation.MOV) copies.delete(dst);
    else if (held !== undefined || from !== undefined) copies.set(dst, -MAX_STACK);
  }
}
