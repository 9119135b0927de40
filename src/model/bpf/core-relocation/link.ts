/**
 * Makes a loadable image of a main program (libbpf.c:bpf_object__reloc_code() and bpf_object__append_subprog_code()):
 * subprograms are copied behind it at their first call, depth first, and their relocations move with them. Whether the
 * copied code was already relocated (early) or carries records still to be applied (late) makes no difference here.
 */
import { ProgramImage, PSEUDO_FUNC } from './image.ts';
import { type BpfObject, type BpfProgram, programAt, type Relocation } from './object.ts';
import { type Failure, failure, isRefusal } from './refusal.ts';

interface Append {
  readonly subprogram: string;
  /** Where it went, in instructions (sub_insn_off). */
  readonly at: number;
  readonly length: number;
}

export interface LinkedProgram {
  readonly main: BpfProgram;
  readonly image: Uint8Array;
  readonly relocations: readonly Relocation[];
  readonly functionInfo: readonly { readonly index: number; readonly typeId: number }[];
  /** In the order of appending. */
  readonly appends: readonly Append[];
}

/** How the instruction indexes of a copied program's relocations change. */
export type MoveRelocation = (relocation: Relocation, appendedAt: number) => Relocation;

/** Since v3 of the series and in every release: the append adds where the copy went, once. */
export const moveByAppend: MoveRelocation = (relocation, appendedAt) => ({
  ...relocation,
  index: relocation.index + appendedAt,
});

/** Links one main program; fails where a call leads to no function of .text. */
export function linkProgram(
  object: BpfObject,
  main: BpfProgram,
  move: MoveRelocation = moveByAppend,
): LinkedProgram | Failure {
  const link = new Link(object, main, move);
  const refused = link.follow(main, 0);
  return refused ?? link.result();
}

/** Links every main program that is loaded. */
export function linkMains(object: BpfObject, move: MoveRelocation = moveByAppend): LinkedProgram[] | Failure {
  const linked: LinkedProgram[] = [];
  for (const main of object.programs.filter(({ isSubprogram, autoload }) => !isSubprogram && autoload)) {
    const program = linkProgram(object, main, move);
    if (isRefusal(program)) return program;
    linked.push(program);
  }
  return linked;
}

/**
 * A program's code with its loads of function addresses marked as such; done for every program of an object, those that are
 * not loaded included (libbpf.c:bpf_object__relocate()).
 */
export function withFunctionAddresses({ instructions, relocations }: BpfProgram): ProgramImage {
  const image = ProgramImage.copyOf(instructions);
  for (const { kind, index } of relocations) if (kind === 'function-address') image.setSource(index, PSEUDO_FUNC);
  return image;
}

class Link {
  readonly #object: BpfObject;
  readonly #main: BpfProgram;
  readonly #move: MoveRelocation;
  readonly #parts: ProgramImage[];
  readonly #starts = new Map<BpfProgram, number>();
  readonly #relocations: Relocation[];
  readonly #functionInfo: { index: number; typeId: number }[];
  readonly #appends: Append[] = [];
  #length: number;

  constructor(object: BpfObject, main: BpfProgram, move: MoveRelocation) {
    this.#object = object;
    this.#main = main;
    this.#move = move;
    this.#parts = [withFunctionAddresses(main)];
    this.#length = this.#parts[0]!.length;
    this.#relocations = [...main.relocations];
    this.#functionInfo = [...main.functionInfo];
  }

  result(): LinkedProgram {
    const image = new Uint8Array(8 * this.#length);
    let at = 0;
    for (const { bytes } of this.#parts) {
      image.set(bytes, at);
      at += bytes.length;
    }
    return {
      main: this.#main,
      image,
      relocations: this.#relocations,
      functionInfo: this.#functionInfo,
      appends: this.#appends,
    };
  }

  /** Points every call and function address of one program at its place in this image, appending what is missing. */
  follow(program: BpfProgram, start: number): Failure | undefined {
    const image = this.#parts.at(-1)!;
    const relocationAt = new Map(
      program.relocations.filter(({ kind }) => kind !== 'core').map((entry) => [entry.index, entry]),
    );
    for (let index = 0; index < image.length; index++) {
      const relocation = relocationAt.get(index);
      const address = image.isPseudoFunction(index);
      if (relocation?.kind === 'extern-call' || !(address || image.isPseudoCall(index))) continue;
      const wanted = targetOf(program, image, index, relocation);
      if (wanted === undefined) return failure(`instruction ${index} of ${program.name} refers to no function`);
      const callee = programAt(this.#object, this.#object.textSection, wanted);
      if (callee === undefined) return failure(`no function at instruction ${wanted} of .text`);
      const at = this.#starts.get(callee) ?? this.#append(callee);
      if (typeof at !== 'number') return at;
      image.setImmediate(index, at - (start + index) - 1);
    }
    return undefined;
  }

  #append(program: BpfProgram): number | Failure {
    const at = this.#length;
    const image = withFunctionAddresses(program);
    this.#starts.set(program, at);
    this.#parts.push(image);
    this.#length += image.length;
    this.#appends.push({ subprogram: program.name, at, length: image.length });
    this.#relocations.push(...program.relocations.map((relocation) => this.#move(relocation, at)));
    // The kernel wants func_info for every function or for none: without one for the main program it is dropped.
    if (this.#main.functionInfo.length > 0)
      this.#functionInfo.push(...program.functionInfo.map(({ index, typeId }) => ({ index: index + at, typeId })));
    return this.follow(program, at) ?? at;
  }
}

/** The instruction of .text a call or function address means; undefined for an address without its relocation. */
function targetOf(
  program: BpfProgram,
  image: ProgramImage,
  index: number,
  relocation: Relocation | undefined,
): number | undefined {
  const immediate = image.immediate(index);
  if (relocation?.kind === 'call') return relocation.symbolOffset / 8 + immediate + 1;
  if (relocation?.kind === 'function-address') return (relocation.symbolOffset + immediate) / 8;
  return image.isPseudoFunction(index) ? undefined : program.sectionStart + index + immediate + 1;
}
