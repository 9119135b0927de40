import type { CodeReader } from './code-reader.ts';
import { MEMORY, NONE, RIP } from './decoded.ts';
import { RSP } from './register-file.ts';

/** The low four bits of a REX prefix (SDM 2A, 2.2.1.2); VEX carries R, X and B too. */
export const REX_B = 1;
const REX_X = 2;
const REX_R = 4;
export const REX_W = 8;

/** The operands a ModRM byte names: a register, and a register or memory. */
export interface Operands {
  readonly register: number;
  readonly rm: number;
  readonly base: number;
  readonly index: number;
  readonly scaleShift: number;
  readonly displacement: number;
}

/** What an instruction without ModRM has, except for a register in its opcode. */
export const NO_OPERANDS: Operands = { register: 0, rm: 0, base: NONE, index: NONE, scaleShift: 0, displacement: 0 };

/** ModRM, SIB and displacement (SDM 2A, tables 2-2 and 2-3; 2.2.1.6 for rip-relative addresses). */
export function decodeOperands(reader: CodeReader, modrm: number, rex: number): Operands {
  const mode = modrm >> 6;
  const low = modrm & 7;
  const register = ((modrm >> 3) & 7) | ((rex & REX_R) << 1);
  const extension = (rex & REX_B) << 3;
  if (mode === 3) return { ...NO_OPERANDS, register, rm: low | extension };
  if (low === 4) return { register, rm: MEMORY, ...decodeSib(reader, mode, rex) };
  const relative = mode === 0 && low === 5;
  const displacement = readDisplacement(reader, mode, relative);
  return { register, rm: MEMORY, base: relative ? RIP : low | extension, index: NONE, scaleShift: 0, displacement };
}

/** An index of 4 without REX.X means none; a base of 5 in mode 0 means a bare displacement, with or without REX.B. */
function decodeSib(reader: CodeReader, mode: number, rex: number): Omit<Operands, 'register' | 'rm'> {
  const sib = reader.byte();
  const index = ((sib >> 3) & 7) | ((rex & REX_X) << 2);
  const absolute = mode === 0 && (sib & 7) === 5;
  return {
    base: absolute ? NONE : (sib & 7) | ((rex & REX_B) << 3),
    index: index === RSP ? NONE : index,
    scaleShift: sib >> 6,
    displacement: readDisplacement(reader, mode, absolute),
  };
}

function readDisplacement(reader: CodeReader, mode: number, baseless: boolean): number {
  if (mode === 1) return reader.signed(1);
  return mode === 2 || baseless ? reader.signed(4) : 0;
}
