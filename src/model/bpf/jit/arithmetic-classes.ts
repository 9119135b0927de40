/** Which x86 code an instruction of the ALU and ALU64 classes becomes; how that is written is in alu.ts. */
import { CAST_TO_USER, Class, MoveOffset, Operation, operationOf, Source } from '../instruction.ts';
import * as alu from './alu.ts';
import { type FunctionContext, refuseOpcode } from './function-context.ts';

/** One instruction of the ALU or ALU64 class. */
export function emitArithmetic(c: FunctionContext, word: number, immediate: number): void {
  const { emitter: e } = c;
  const wide = (word & 7) === Class.ALU64;
  const to = c.hardware[(word >> 8) & 15]!;
  const by = c.hardware[(word >> 12) & 15]!;
  const fromRegister = (word & Source.X) !== 0;
  const operation = operationOf(word);
  switch (operation) {
    case Operation.ADD:
    case Operation.SUB:
    case Operation.AND:
    case Operation.OR:
    case Operation.XOR:
      if (fromRegister) e.onRegisters(wide, alu.arithmeticOpcode(operation), to, by);
      else alu.emitArithmeticImmediate(e, operation, wide, to, immediate);
      return;
    case Operation.MOV:
      if (fromRegister) emitMove(c, word, immediate, to, by);
      else e.loadImmediate32(to, immediate, wide);
      return;
    case Operation.NEG:
      if (fromRegister) refuseOpcode(c, word);
      else e.onRegister(wide, 0xf7, 3, to);
      return;
    case Operation.MUL:
      if (fromRegister) alu.emitMultiply(e, wide, to, by);
      else alu.emitMultiplyImmediate(e, wide, to, immediate);
      return;
    case Operation.DIV:
    case Operation.MOD: {
      const what = { remainder: operation === Operation.MOD, signed: word >> 16 !== 0, wide };
      alu.emitDivide(e, what, to, fromRegister ? by : undefined, immediate);
      return;
    }
    case Operation.LSH:
    case Operation.RSH:
    case Operation.ARSH:
      if (fromRegister) alu.emitShift(e, operation, wide, to, by, c.shiftWay);
      else alu.emitShiftImmediate(e, operation, wide, to, immediate);
      return;
    case Operation.END:
      if (wide && fromRegister) refuseOpcode(c, word);
      else if (wide || fromRegister) alu.emitByteSwap(e, immediate, to);
      else alu.emitTruncate(e, immediate, to);
      return;
    default:
      refuseOpcode(c, word);
      return;
  }
}

/** A move by register: plain, sign-extending, or one of the two address conversions, as the offset says. */
function emitMove(c: FunctionContext, word: number, immediate: number, to: number, from: number): void {
  const { emitter: e, arena, machine } = c;
  const wide = (word & 7) === Class.ALU64;
  const offset = word >> 16;
  if (offset === 0) {
    if (!wide || to !== from) e.move(wide, to, from);
  } else if (wide && offset === MoveOffset.ADDRESS_SPACE_CAST && immediate === CAST_TO_USER) {
    alu.emitCastToUser(e, to, from, arena === undefined ? 0 : Number(BigInt.asIntN(32, arena.userStart >> 32n)));
  } else if (wide && offset === MoveOffset.PER_CPU_ADDRESS) {
    alu.emitPerCpuAddress(e, to, from, machine.thisCpuOffset);
  } else {
    alu.emitSignExtendingMove(e, wide, offset, to, from);
  }
}
