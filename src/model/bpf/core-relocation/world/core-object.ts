/** An object on its way into the kernel: what was compiled, and how far it got. */
import type { CoreRecord } from '../../btf/core-record.ts';
import type { LateAttempt } from '../late.ts';
import type { LinkedProgram } from '../link.ts';
import type { BpfObject } from '../object.ts';
import type { TranslationUnit } from '../program-source/translation-unit.ts';
import type { Refusal } from '../refusal.ts';
import type { Loading } from './libbpf.ts';

/** Capabilities of the process that loads: all of them, BPF and PERFMON, or BPF alone. */
export const CALLERS = ['root', 'perfmon', 'bpf'] as const;
export type Caller = (typeof CALLERS)[number];

/** One BPF_PROG_LOAD: what it was given, and where it ended. A direct load passes no records. */
export interface ProgramLoad {
  readonly main: string;
  readonly records: readonly CoreRecord[];
  readonly attempt: LateAttempt;
}

export type ObjectState =
  /** The CO-RE pass is over: patched for a direct load, pristine for a light skeleton. */
  | { readonly kind: 'passed'; readonly object: BpfObject }
  | { readonly kind: 'linked'; readonly object: BpfObject; readonly linked: readonly LinkedProgram[] }
  /** Every program was tried until one was refused; then `closed` programs that were loaded before it are gone again. */
  | {
      readonly kind: 'loaded';
      readonly linked: readonly LinkedProgram[];
      readonly loads: readonly ProgramLoad[];
      readonly refusal: Refusal | undefined;
      readonly closed: number;
    }
  /** libbpf gave up before anything was loaded. */
  | { readonly kind: 'refused'; readonly during: 'core' | 'calls' | 'loader'; readonly refusal: Refusal };

export class CoreObject {
  readonly loading: Loading;
  readonly caller: Caller;
  readonly unit: TranslationUnit;
  readonly compiled: BpfObject;
  /** Ids of the unit's types in the object's BTF. */
  readonly typeIds: readonly number[];
  state: ObjectState;

  constructor(source: Pick<CoreObject, 'loading' | 'caller' | 'unit' | 'compiled' | 'typeIds'>, state: ObjectState) {
    this.loading = source.loading;
    this.caller = source.caller;
    this.unit = source.unit;
    this.compiled = source.compiled;
    this.typeIds = source.typeIds;
    this.state = state;
  }
}
