/**
 * A BPF object as libbpf holds it between open and load (libbpf.c: struct bpf_program, struct reloc_desc): programs with
 * pristine instructions and, per program, what has to be changed in them later.
 */

import type { Btf } from '../btf/blob.ts';
import type { CoreRecord } from '../btf/core-record.ts';

/** One thing to be done to one instruction of a program; indexes count from the program's first instruction. */
export type Relocation =
  | { readonly kind: 'map' | 'data'; readonly index: number; readonly map: number; readonly symbolOffset: number }
  | { readonly kind: 'call' | 'function-address'; readonly index: number; readonly symbolOffset: number }
  | { readonly kind: 'extern-load' | 'extern-call'; readonly index: number; readonly extern: number }
  | { readonly kind: 'core'; readonly index: number; readonly record: CoreRecord };

/** The order of enum reloc_type, by which equal indexes are sorted. */
const RELOCATION_ORDER: readonly Relocation['kind'][] = [
  'map',
  'call',
  'data',
  'extern-load',
  'extern-call',
  'function-address',
  'core',
];

/** By instruction, then by type (libbpf.c:cmp_relocs()). */
export const sortedRelocations = (relocations: readonly Relocation[]): Relocation[] =>
  relocations.toSorted(
    (left, right) =>
      left.index - right.index || RELOCATION_ORDER.indexOf(left.kind) - RELOCATION_ORDER.indexOf(right.kind),
  );

export interface BpfProgram {
  readonly name: string;
  /** Section name without a leading `?`, which only says that the program is not loaded by itself. */
  readonly section: string;
  readonly sectionIndex: number;
  /** Where the program starts in its section, in instructions. */
  readonly sectionStart: number;
  readonly instructions: Uint8Array;
  readonly isSubprogram: boolean;
  readonly autoload: boolean;
  readonly isGlobal: boolean;
  /** A global function of restricted visibility, whose FUNC is turned static so that the verifier does not judge it alone. */
  readonly staticInBtf: boolean;
  readonly relocations: readonly Relocation[];
  /** FUNC types by instruction of this program. */
  readonly functionInfo: readonly { readonly index: number; readonly typeId: number }[];
}

/** A kernel symbol the object asks for (`__ksym`). */
export interface Extern {
  readonly name: string;
  /** Declared with a type other than void, so it is looked up in BTF rather than in kallsyms. */
  readonly typed: boolean;
  readonly weak: boolean;
}

export interface BpfObject {
  /** By section, then by place in it. */
  readonly programs: readonly BpfProgram[];
  /** Index of .text, the only section subprograms are taken from. */
  readonly textSection: number;
  readonly btf: Btf | undefined;
  /** CO-RE records of .BTF.ext by section, in file order; offsets count from the section's start. */
  readonly coreRelocations: readonly { readonly sectionIndex: number; readonly records: readonly CoreRecord[] }[];
  readonly maps: readonly { readonly name: string; readonly sectionIndex: number; readonly sectionOffset: number }[];
  readonly externs: readonly Extern[];
}

/** The program a section's instruction belongs to; undefined between programs, where a weak copy was eliminated. */
export const programAt = (object: BpfObject, sectionIndex: number, index: number): BpfProgram | undefined =>
  object.programs.find(
    (program) =>
      program.sectionIndex === sectionIndex &&
      index >= program.sectionStart &&
      index < program.sectionStart + program.instructions.length / 8,
  );
