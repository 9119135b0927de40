/**
 * Arbitrary objects with CO-RE records for fast-check: kernel types, local types derived from them (fields left out,
 * reordered, of other sizes, under flavoured names), functions that hold one relocatable instruction a record, and calls.
 * What an instruction has to hold before relocation is computed here, from the description alone.
 */
import fc from 'fast-check';
import type { Btf } from '../../src/model/bpf/btf/blob.ts';
import { BtfBuilder } from '../../src/model/bpf/btf/build.ts';
import type { CoreRecord } from '../../src/model/bpf/btf/core-record.ts';
import { parseBtf } from '../../src/model/bpf/btf/parse.ts';
import { CALL, LD_IMM64, ProgramImage, PSEUDO_CALL } from '../../src/model/bpf/core-relocation/image.ts';
import type { BpfObject, BpfProgram } from '../../src/model/bpf/core-relocation/object.ts';

const SIZES = [1, 2, 4, 8] as const;
const MOV = 0xb7;
const EXIT = 0x95;

const field = fc.record({
  localSize: fc.constantFrom(...SIZES),
  targetSize: fc.constantFrom(...SIZES),
  place: fc.constantFrom('both', 'both', 'both', 'local', 'target'),
});
const structure = fc.record({
  fields: fc.array(field, { minLength: 1, maxLength: 5 }),
  inKernel: fc.constantFrom(true, true, true, false),
  reversed: fc.boolean(),
  flavour: fc.constantFrom('', '', '___v1'),
});
const use = fc.record({
  structure: fc.nat(),
  field: fc.nat(),
  kind: fc.constantFrom(0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12),
  wide: fc.boolean(),
});
const routine = fc.record({ uses: fc.array(use, { maxLength: 3 }), calls: fc.array(fc.nat(), { maxLength: 3 }) });

export const description = fc.record({
  structures: fc.array(structure, { minLength: 1, maxLength: 3 }),
  mains: fc.array(routine, { minLength: 1, maxLength: 3 }),
  subprograms: fc.array(routine, { maxLength: 4 }),
});

type Value<Arbitrary> = Arbitrary extends fc.Arbitrary<infer Type> ? Type : never;
export type Description = Value<typeof description>;
type Structure = Value<typeof structure>;

export interface Generated {
  readonly object: BpfObject;
  /** The kernel's types. */
  readonly target: Btf;
}

/** Builds what a description says. */
export function generate(described: Description): Generated {
  const local = new LocalTypes(described.structures);
  const routines = [...described.subprograms, ...described.mains];
  const subprogramCount = described.subprograms.length;
  const programs: BpfProgram[] = [];
  const records: CoreRecord[][] = [[], []];
  const starts = [0, 0];
  const sizes = routines.map(({ uses, calls }) =>
    uses.reduce((sum, { wide }) => sum + (wide ? 2 : 1), calls.length + 1),
  );
  const startOf = (index: number): number => sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
  routines.forEach(({ uses, calls }, index) => {
    const isSubprogram = index < subprogramCount;
    const sectionIndex = isSubprogram ? 1 : 2;
    const sectionStart = starts[sectionIndex - 1]!;
    const image = new ProgramImage(new Uint8Array(8 * sizes[index]!));
    const relocations: BpfProgram['relocations'][number][] = [];
    let at = 0;
    for (const { wide, ...what } of uses) {
      const { record, value } = local.use(what);
      records[sectionIndex - 1]!.push({ ...record, instructionOffset: 8 * (sectionStart + at) });
      image.setSlot(at, { opcode: wide ? LD_IMM64 : MOV, immediate: value });
      at += wide ? 2 : 1;
    }
    for (const callee of calls) {
      // Only later functions are called, so no program calls itself for ever.
      const reachable = isSubprogram ? subprogramCount - index - 1 : subprogramCount;
      const wanted = reachable === 0 ? undefined : (isSubprogram ? index + 1 : 0) + (callee % reachable);
      image.setSlot(at, wanted === undefined ? { opcode: MOV, immediate: 0 } : { opcode: CALL, immediate: -1 });
      if (wanted !== undefined) {
        image.setSource(at, PSEUDO_CALL);
        relocations.push({ kind: 'call', index: at, symbolOffset: 8 * startOf(wanted) });
      }
      at += 1;
    }
    image.setSlot(at, { opcode: EXIT, immediate: 0 });
    starts[sectionIndex - 1] = sectionStart + sizes[index]!;
    programs.push({
      name: isSubprogram ? `sub${index}` : `main${index - subprogramCount}`,
      section: isSubprogram ? '.text' : 'socket',
      sectionIndex,
      sectionStart,
      instructions: image.bytes,
      isSubprogram,
      autoload: true,
      isGlobal: true,
      staticInBtf: false,
      relocations,
      functionInfo: [{ index: 0, typeId: 1 }],
    });
  });
  const object: BpfObject = {
    programs,
    textSection: 1,
    btf: local.btf(),
    coreRelocations: [
      { sectionIndex: 2, records: records[1]! },
      { sectionIndex: 1, records: records[0]! },
    ],
    maps: [],
    externs: [],
  };
  return { object, target: targetTypes(described.structures) };
}

class LocalTypes {
  readonly #builder = new BtfBuilder();
  readonly #structures: readonly Structure[];
  readonly #ids: number[] = [];

  constructor(structures: readonly Structure[]) {
    this.#structures = structures;
    const ints = addIntegers(this.#builder);
    structures.forEach(({ fields, flavour }, index) => {
      const own = fields
        .map((entry, number) => ({ ...entry, name: `f${number}` }))
        .filter(({ place }) => place !== 'target');
      this.#ids.push(
        addStruct(
          this.#builder,
          `s${index}${flavour}`,
          own.map(({ name, localSize }) => ({ name, size: localSize })),
          ints,
        ),
      );
    });
  }

  btf(): Btf {
    return parseBtf(this.#builder.bytes());
  }

  /** A record, and the value its instruction has to hold. */
  use(wanted: { readonly structure: number; readonly field: number; readonly kind: number }): {
    readonly record: Omit<CoreRecord, 'instructionOffset'>;
    readonly value: number;
  } {
    const index = wanted.structure % this.#structures.length;
    const own = this.#structures[index]!.fields.filter(({ place }) => place !== 'target');
    const typeId = this.#ids[index]!;
    const kind = own.length === 0 && wanted.kind < 6 ? 8 : wanted.kind;
    const member = wanted.field % Math.max(own.length, 1);
    const accessOffset = this.#builder.string(kind < 6 ? `0:${member}` : '0');
    const { offsets, total } = layout(own.map(({ localSize }) => localSize));
    const size = own[member]?.localSize ?? 0;
    const values = [offsets[member] ?? 0, size, 1, 0, 64 - 8 * size, 64 - 8 * size, 77, 78, 1, total, 1, 0, 1];
    return { record: { typeId, accessOffset, kind }, value: values[kind]! };
  }
}

function targetTypes(structures: readonly Structure[]): Btf {
  const builder = new BtfBuilder();
  const ints = addIntegers(builder);
  structures.forEach(({ fields, inKernel, reversed }, index) => {
    const own = fields
      .map((entry, number) => ({ ...entry, name: `f${number}` }))
      .filter(({ place }) => place !== 'local');
    const ordered = reversed ? own.toReversed() : own;
    if (inKernel)
      addStruct(
        builder,
        `s${index}`,
        ordered.map(({ name, targetSize }) => ({ name, size: targetSize })),
        ints,
      );
  });
  return parseBtf(builder.bytes());
}

/** Unsigned integers of 1, 2, 4 and 8 bytes. */
const addIntegers = (builder: BtfBuilder): Map<number, number> =>
  new Map(
    SIZES.map((size) => [
      size,
      builder.add({
        kind: 'int',
        name: `u${8 * size}`,
        sizeBytes: size,
        encoding: 0,
        offsetBits: 0,
        widthBits: 8 * size,
      }),
    ]),
  );

function addStruct(
  builder: BtfBuilder,
  name: string,
  fields: readonly { readonly name: string; readonly size: number }[],
  ints: ReadonlyMap<number, number>,
): number {
  const { offsets, total } = layout(fields.map(({ size }) => size));
  const members = fields.map(({ name: member, size }, index) => ({
    name: member,
    type: ints.get(size)!,
    offsetBits: 8 * offsets[index]!,
    bitfieldBits: 0,
  }));
  return builder.add({ kind: 'struct', name, sizeBytes: total, hasBitfields: false, members });
}

/** Offsets as C lays out integers, each at a multiple of its size; the total is a multiple of 8. */
function layout(sizes: readonly number[]): { readonly offsets: readonly number[]; readonly total: number } {
  let at = 0;
  const offsets = sizes.map((size) => {
    const offset = Math.ceil(at / size) * size;
    at = offset + size;
    return offset;
  });
  return { offsets, total: Math.ceil(at / 8) * 8 };
}
