/** What the verifier of one kernel goes by, and how it says no. */
import type { VerifierDecisions } from './decisions.ts';
import type { PathState } from './state.ts';

/** What the kernel a program is loaded into can do. */
export interface VerifierRules {
  readonly decisions: VerifierDecisions;
  readonly hasArena: boolean;
  /** Slots of the program array that `map[id:1]` names; 0 where there is none. */
  readonly arraySlots: number;
  /** Load-acquire and store-release, 6.15. */
  readonly acquireRelease: boolean;
  /** Sign-extending loads from an arena, 6.18. */
  readonly signedArenaLoads: boolean;
  /** What a scalar may be combined with an arena pointer to: refused until some kernel of 2026 (facts G11; release unconfirmed). */
  readonly arenaAsOperand: 'refused' | 'arena';
  /** Bytes of context. */
  readonly contextBytes: number;
}

/** The program may not be loaded. `message` is the kernel's where one is known. */
export interface Rejected {
  readonly kind: 'rejected';
  readonly errno: '-EINVAL' | '-EACCES' | '-EOPNOTSUPP' | '-E2BIG';
  readonly index: number;
  readonly message: string;
}

export function reject(index: number, errno: Rejected['errno'], message: string): Rejected {
  return { kind: 'rejected', errno, index, message };
}

export const unreadable = ({ at }: PathState, register: number): Rejected =>
  reject(at, '-EACCES', `R${register} !read_ok`);
