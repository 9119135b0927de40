/** Which x86 code an instruction of the JMP and JMP32 classes becomes; exits are the pass's own business. */
import { Class, Jump, operationOf, Source } from '../instruction.ts';
import { emitCall } from './call.ts';
import { type FunctionContext, refuseOpcode } from './function-context.ts';
import { emitComparison, emitConditionalJump, emitJump } from './jump.ts';
import { emitDirectTailCall, emitIndirectTailCall } from './tail-call.ts';

/** Slot `i`, whose code begins at `start`. */
export function emitJumpClass(c: FunctionContext, i: number, word: number, immediate: number, start: number): void {
  const wide = (word & 7) === Class.JMP;
  const operation = operationOf(word);
  const offset = word >> 16;
  const right = (word >> 12) & 15;
  switch (operation) {
    case Jump.JA:
      if ((word & Source.X) !== 0) refuseOpcode(c, word);
      else emitJump(c, i, wide ? offset : immediate, start);
      return;
    case Jump.CALL:
    case Jump.TAIL_CALL:
    case Jump.EXIT:
    case Jump.JCOND:
      emitTransfer(c, word, immediate);
      return;
    default: {
      const by = (word & Source.X) !== 0 ? c.hardware[right]! : undefined;
      emitComparison(c, operation, wide, c.hardware[(word >> 8) & 15]!, by, immediate);
      emitConditionalJump(c, operation, i, offset, start);
    }
  }
}

/** Calls and tail calls exist in the JMP class only; may_goto does not reach the JIT. */
function emitTransfer(c: FunctionContext, word: number, immediate: number): void {
  switch (word & 0xff) {
    case Class.JMP | Jump.CALL:
      emitCall(c, (word >> 12) & 15, immediate);
      return;
    case Class.JMP | Jump.TAIL_CALL:
      if (immediate === 0) emitIndirectTailCall(c);
      else emitDirectTailCall(c, immediate - 1);
      return;
    default:
      refuseOpcode(c, word);
  }
}
