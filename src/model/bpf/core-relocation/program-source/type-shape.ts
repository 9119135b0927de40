/**
 * Small C types as a few words: what a developer declares for a program, or what a kernel was built with. A shape says
 * enough to lay the type out as a C compiler does (System V ABI for x86-64, BPF's being the same here) and to write its BTF.
 */
import type { BtfBuilder } from '../../btf/build.ts';

/** Types a field can have; `array4` and `array8` are of u32, `bits3` is a u32 bitfield of 3 bits, `inner` a struct of one u32. */
export const FIELD_TYPES = ['u32', 'u8', 'u16', 'u64', 's32', 'ptr', 'array4', 'array8', 'bits3', 'inner'] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

export type ShapeKind = 'struct' | 'union' | 'typedef' | 'enum' | 'enum64' | 'float';

export interface Field {
  readonly name: string;
  readonly type: FieldType;
}

/** A declared type. An enum's fields are its enumerators; a typedef names an anonymous struct; a float has none. */
export interface TypeShape {
  readonly kind: ShapeKind;
  /** Without a flavour; empty for an anonymous type. */
  readonly name: string;
  /** Ends in `___v1`, which means nothing to relocation. */
  readonly flavoured: boolean;
  /** Names are distinct. */
  readonly fields: readonly Field[];
  /** Of the kernel: declared by a module, not by vmlinux. */
  readonly inModule: boolean;
}

/** A field where the compiler put it. */
export interface PlacedField extends Field {
  readonly offsetBytes: number;
}

/** Bytes a value of the type takes, and the multiple of bytes it stands at. */
export const FIELD_SIZES: Readonly<Record<FieldType, { readonly sizeBytes: number; readonly alignment: number }>> = {
  u32: { sizeBytes: 4, alignment: 4 },
  u8: { sizeBytes: 1, alignment: 1 },
  u16: { sizeBytes: 2, alignment: 2 },
  u64: { sizeBytes: 8, alignment: 8 },
  s32: { sizeBytes: 4, alignment: 4 },
  ptr: { sizeBytes: 8, alignment: 8 },
  array4: { sizeBytes: 16, alignment: 4 },
  array8: { sizeBytes: 32, alignment: 4 },
  bits3: { sizeBytes: 4, alignment: 4 },
  inner: { sizeBytes: 4, alignment: 4 },
};

/** What an enumerator named by a field is worth; an enum keeps the low 32 bits, as a signed number. */
export const ENUMERATOR_VALUES: Readonly<Record<FieldType, bigint>> = {
  u32: 1n,
  u8: 2n,
  u16: 3n,
  u64: 0x1_ffff_ffffn,
  s32: -1n,
  ptr: 0x7fff_ffffn,
  array4: 4n,
  array8: 8n,
  bits3: 5n,
  inner: 6n,
};

/** The fields in place, and the size of the whole. */
export function layOut({ kind, fields }: Pick<TypeShape, 'kind' | 'fields'>): {
  readonly fields: readonly PlacedField[];
  readonly sizeBytes: number;
} {
  if (kind === 'enum') return { fields: [], sizeBytes: 4 };
  if (kind === 'enum64' || kind === 'float') return { fields: [], sizeBytes: 8 };
  let end = 0;
  let widest = 1;
  const placed = fields.map((field) => {
    const { sizeBytes, alignment } = FIELD_SIZES[field.type];
    const offsetBytes = kind === 'union' ? 0 : roundUpTo(end, alignment);
    end = Math.max(end, offsetBytes + sizeBytes);
    widest = Math.max(widest, alignment);
    return { ...field, offsetBytes };
  });
  return { fields: placed, sizeBytes: roundUpTo(end, widest) };
}

const roundUpTo = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Ids of the types that fields have, the same in every blob of this house: they come first. */
export type BaseTypes = Readonly<Record<FieldType, number>>;

export function addBaseTypes(builder: BtfBuilder): BaseTypes {
  const integer = (name: string, sizeBytes: number, encoding = 0): number =>
    builder.add({ kind: 'int', name, sizeBytes, encoding, offsetBits: 0, widthBits: 8 * sizeBytes });
  const u32 = integer('u32', 4);
  const array = (length: number): number =>
    builder.add({ kind: 'array', name: '', elementType: u32, indexType: u32, length });
  return {
    u32,
    u8: integer('u8', 1),
    u16: integer('u16', 2),
    u64: integer('u64', 8),
    s32: integer('s32', 4, 1),
    ptr: builder.add({ kind: 'ptr', name: '', type: 0 }),
    array4: array(4),
    array8: array(8),
    bits3: u32,
    inner: builder.add({
      kind: 'struct',
      name: 'inner',
      sizeBytes: 4,
      hasBitfields: false,
      members: [{ name: 'x', type: u32, offsetBits: 0, bitfieldBits: 0 }],
    }),
  };
}

/** Adds a shape's BTF and gives its id. */
export function addShape(builder: BtfBuilder, base: BaseTypes, shape: TypeShape): number {
  const name = shape.flavoured ? `${shape.name}___v1` : shape.name;
  const { fields, sizeBytes } = layOut(shape);
  switch (shape.kind) {
    case 'enum':
    case 'enum64': {
      const enumerators = shape.fields.map((field) => ({ name: field.name, value: ENUMERATOR_VALUES[field.type] }));
      return builder.add({ kind: shape.kind, name, sizeBytes, signed: true, enumerators });
    }
    case 'float':
      return builder.add({ kind: 'float', name, sizeBytes });
    default: {
      const members = fields.map((field) => ({
        name: field.name,
        type: base[field.type],
        offsetBits: 8 * field.offsetBytes,
        bitfieldBits: field.type === 'bits3' ? 3 : 0,
      }));
      const hasBitfields = fields.some(({ type }) => type === 'bits3');
      const composite = { sizeBytes, hasBitfields, members };
      if (shape.kind !== 'typedef') return builder.add({ kind: shape.kind, name, ...composite });
      return builder.add({ kind: 'typedef', name, type: builder.add({ kind: 'struct', name: '', ...composite }) });
    }
  }
}
