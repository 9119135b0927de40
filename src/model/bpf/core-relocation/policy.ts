/**
 * What differs between the two places that run the same relocation algorithm: libbpf before the load ("early") and the
 * kernel inside BPF_PROG_LOAD ("late"), and between kernels. Everything else is one set of functions.
 */

export interface RelocationPolicy {
  /** Levels of nested types a type comparison may go down (MAX_TYPES_ARE_COMPAT_DEPTH and MAX_TYPES_MATCH_DEPTH). */
  readonly matchDepth: number;
  /** Which kinds of target may stand for a local root type: the same, or any enum for any enum. */
  readonly candidateKinds: 'same' | 'enums-mix';
  /** Whether candidates that did not match once are dropped for later records of the same local type (libbpf's shared list). */
  readonly prunesCandidates: boolean;
  /** How numbers in access strings are read: glibc's sscanf() or the kernel's. */
  readonly numbers: 'glibc' | 'kernel';
  /** What a comparison does on a kind it did not expect: takes it for no match, or dies on its own warning (hazard H1). */
  readonly unexpectedKind: 'mismatch' | 'oops';
  /** Which instructions an unresolved record replaces by an invalid call. */
  readonly poisons: 'any-instruction' | 'relocatable-instruction';
  /** Whether variables and declaration tags have a size (libbpf's btf__resolve_size() follows them, the kernel's does not). */
  readonly sizesOfVariables: boolean;
}

/** libbpf v1.8 (mid 2026), as recorded. */
export const LIBBPF_1_8: RelocationPolicy = {
  matchDepth: 32,
  candidateKinds: 'enums-mix',
  prunesCandidates: true,
  numbers: 'glibc',
  unexpectedKind: 'mismatch',
  poisons: 'any-instruction',
  sizesOfVariables: true,
};

/** Linux 6.18.44, as recorded. */
export const KERNEL_6_18: RelocationPolicy = {
  matchDepth: 2,
  candidateKinds: 'same',
  prunesCandidates: false,
  numbers: 'kernel',
  unexpectedKind: 'oops',
  poisons: 'any-instruction',
  sizesOfVariables: false,
};

/** Kernels of autumn 2026: an unresolved record replaces only what could have been relocated (394ae398337c). */
export const KERNEL_AFTER_6_18: RelocationPolicy = { ...KERNEL_6_18, poisons: 'relocatable-instruction' };
