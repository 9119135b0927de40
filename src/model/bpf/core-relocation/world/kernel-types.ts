/** The types of a modelled kernel: those of vmlinux and those of one module, as BTF that candidates are searched in. */
import type { JournaledArray } from '../../../../base/journal.ts';
import type { Btf } from '../../btf/blob.ts';
import { BtfBuilder } from '../../btf/build.ts';
import { parseBtf } from '../../btf/parse.ts';
import type { Candidate, TargetTypes } from '../candidates.ts';
import { addBaseTypes, addShape, type TypeShape } from '../program-source/type-shape.ts';

export class KernelTypes implements TargetTypes {
  readonly shapes: JournaledArray<TypeShape>;
  #built: Built | undefined;

  constructor(shapes: JournaledArray<TypeShape>) {
    this.shapes = shapes;
  }

  namesakes(essential: string): readonly Candidate[] {
    return candidatesIn(this.#blobs().vmlinux, 0, essential);
  }

  moduleNamesakes = (essential: string): readonly Candidate[] => {
    const { vmlinux, module } = this.#blobs();
    return candidatesIn(module, vmlinux.typeCount, essential);
  };

  /** The same types for a caller that may not enumerate modules. */
  withoutModules(): TargetTypes {
    return { namesakes: (essential) => this.namesakes(essential) };
  }

  /** The id that the kernel knows a shape by. */
  idOf(shape: TypeShape): number {
    return this.#blobs().ids.get(shape)!;
  }

  /** Blobs are built when they are first asked for; shapes are only ever appended, so length and last one tell a list. */
  #blobs(): Built {
    const { items } = this.shapes;
    const built = this.#built;
    if (built !== undefined && built.length === items.length && built.last === items.at(-1)) return built;
    const ids = new Map<TypeShape, number>();
    const vmlinux = build(items, false, 0, ids);
    const module = build(items, true, vmlinux.typeCount, ids);
    this.#built = { length: items.length, last: items.at(-1), vmlinux, module, ids };
    return this.#built;
  }
}

interface Built {
  readonly length: number;
  readonly last: TypeShape | undefined;
  readonly vmlinux: Btf;
  readonly module: Btf;
  readonly ids: ReadonlyMap<TypeShape, number>;
}

/** A module's ids go on where vmlinux ends. Its blob stands by itself here, so it repeats the types that fields have. */
function build(shapes: readonly TypeShape[], ofModule: boolean, firstId: number, ids: Map<TypeShape, number>): Btf {
  const builder = new BtfBuilder();
  const base = addBaseTypes(builder);
  for (const shape of shapes) if (shape.inModule === ofModule) ids.set(shape, firstId + addShape(builder, base, shape));
  return parseBtf(builder.bytes());
}

const candidatesIn = (btf: Btf, firstId: number, essential: string): readonly Candidate[] =>
  btf.namesakes(essential).map((typeId) => ({ btf, typeId, visibleId: firstId + typeId }));
