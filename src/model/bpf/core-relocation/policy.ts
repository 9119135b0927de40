/**
 * What differs between the places and times that run the same relocation algorithm: libbpf before the load ("early"), the
 * kernel inside BPF_PROG_LOAD ("late"), and both before and after a fix. Everything else is one set of functions.
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
  /** What a negative index of an access string does: EINVAL, or a read before the members and an oops (before 5ca5801a, 2026). */
  readonly negativeIndexes: 'refused' | 'oops';
  /** What several fitting candidates that disagree do: EINVAL, or the first one counts (before 9106c302, 2020). */
  readonly ambiguity: 'refused' | 'first-wins';
  /** Whether an instruction has to hold the local id before a type id is written (before ac20634c, 2022). */
  readonly validatesTypeIds: boolean;
  /** What a load of an array field is sized by: one innermost element, or the whole array (before d7a4ab15, 2025). */
  readonly arrayAccess: 'element' | 'whole-array';
  /** Whose signedness a FIELD_SIGNED record asks for: integers have one, or whatever follows any type is taken for it (before b4c8def4, 2021). */
  readonly signedness: 'of-integers' | 'of-any-type';
  /** How the low word of a 64-bit load counts in the value it holds: as it is, or sign-extended (before 0167a883, 2021). */
  readonly lowWord: 'unsigned' | 'signed';
  /** What nesting too deeply inside a member means: an error, or that the member does not match (before ca602094, 2022). */
  readonly nestingInMembers: 'error' | 'mismatch';
}

/** What every version in use has fixed. */
const FIXED = {
  negativeIndexes: 'refused',
  ambiguity: 'refused',
  validatesTypeIds: false,
  arrayAccess: 'element',
  signedness: 'of-integers',
  lowWord: 'unsigned',
  nestingInMembers: 'error',
} as const;

/** libbpf v1.8 (mid 2026), as recorded. */
export const LIBBPF_1_8: RelocationPolicy = {
  ...FIXED,
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
  ...FIXED,
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

/** libbpf of the same time: relo_core.c is one file for both, so the fix is in it too (by its source, not recorded). */
export const LIBBPF_AFTER_1_8: RelocationPolicy = { ...LIBBPF_1_8, poisons: 'relocatable-instruction' };
