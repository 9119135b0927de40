/**
 * A program load with CO-RE records as a value: everything BPF_BTF_LOAD and BPF_PROG_LOAD are given, so that it can be looked
 * at before anything is sent.
 */
export interface CoreLoad {
  /** Eight bytes an instruction. */
  readonly instructions: Uint8Array;
  /** Which 64-bit loads hold the address of the value of a map; their immediates are filled in and masked again. */
  readonly mapAddresses: readonly number[];
  /** The program's own types: a whole .BTF section. */
  readonly btf: Uint8Array;
  readonly functionInfo: readonly { readonly index: number; readonly typeId: number }[];
  /** Four words a record, as the kernel takes them; empty where none is passed. */
  readonly lineInfo: readonly (readonly number[])[];
  readonly records: {
    /** The memory that core_relos points to; zeros follow it. */
    readonly bytes: Uint8Array;
    readonly count: number;
    readonly recordSize: number;
  };
}

/** What became of a load. */
export type CoreOutcome =
  | { readonly kind: 'loaded'; readonly image: Uint8Array; readonly log: string }
  | { readonly kind: 'refused'; readonly of: 'types' | 'program'; readonly errno: string; readonly log: string }
  /** Never sent: it could do harm, or nobody knows that it could not. */
  | { readonly kind: 'withheld'; readonly why: string };

/** Bytes in the value of the map whose address a program may hold. */
export const MAP_VALUE_BYTES = 40_000;
