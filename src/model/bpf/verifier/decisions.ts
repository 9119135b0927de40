/**
 * Decisions of the verifier that some kernel once got wrong, each by itself, so that a fault can put the wrong one back
 * without the verifier knowing of faults.
 */
import { Atomic, Class, type Instruction, Jump, Operation, Source } from '../instruction.ts';

export interface VerifierDecisions {
  /** Whether a cast between address spaces is refused in a program without an arena (122fdbd2a030, 6.9-rc). */
  readonly castsNeedAnArena: boolean;
  /** What a cast to kernel space becomes: a move of 32 bits without a mark (f7f5d1808b1b, 6.9-rc). */
  readonly castToKernel: (cast: Instruction) => Instruction;
  /** Which read-modify-write operations the JIT can do in an arena (44d79142ede8, d503a04f8bc0). */
  readonly jitCanInArena: (kind: number) => boolean;
  /** Whether an atomic instruction that met an arena pointer may meet another pointer elsewhere (fix of 2026). */
  readonly atomicsKeepTheirKind: boolean;
  /** Whether a 32-bit compare-and-exchange is followed by the extension of r0 (39491867ace5, 5.12). */
  readonly extendsExchange: boolean;
  /** The same inside an arena, where the instruction has another mode (df34ec9db6f5, 6.11). */
  readonly extendsArenaExchange: boolean;
  /** Whether signed divisions by -1 are kept from the CPU (6.12, CVE-2024-49888). */
  readonly guardsMinusOne: boolean;
  /** Bytes of stack that a function is said to use. */
  readonly stackDepth: (bytes: number) => number;
}

export const SOUND_VERIFIER: VerifierDecisions = {
  castsNeedAnArena: true,
  castToKernel: (cast) => ({ ...cast, opcode: Class.ALU | Operation.MOV | Source.X, offset: 0, immediate: 0 }),
  jitCanInArena: (kind) => !NEEDS_A_LOOP.has(kind),
  atomicsKeepTheirKind: true,
  extendsExchange: true,
  extendsArenaExchange: true,
  guardsMinusOne: true,
  stackDepth: (bytes) => bytes,
};

/** x86 has no single instruction for these, and an exception entry names a single instruction. */
const NEEDS_A_LOOP: ReadonlySet<number> = new Set(
  [Operation.AND, Operation.OR, Operation.XOR].map((operation) => operation | Atomic.FETCH),
);

export const TAIL_CALL_HELPER = 12;

/** The BTF id that stands for bpf_rdonly_cast() here; every kernel build has another. */
export const RDONLY_CAST = 1;

export const isCall = ({ opcode }: Instruction): boolean => opcode === (Class.JMP | Jump.CALL);
