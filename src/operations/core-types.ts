/** The types a kernel is built with and those a developer declares, before anything is loaded. */
import { type Argument, boolean, list, made, oneOf } from '../language/argument.ts';
import { operation } from '../language/operation.ts';
import {
  FIELD_TYPES,
  type Field,
  type FieldType,
  type ShapeKind,
  type TypeShape,
} from '../model/bpf/core-relocation/program-source/type-shape.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { mostly } from './mostly.ts';

const MOST_TYPES = 6;

const FIELD_NAMES = ['a', 'b', 'c'] as const;
/** `a_u32` is a field called a, or an enumerator called a; the simplest words stand first. */
const FIELD_WORDS = FIELD_TYPES.flatMap((type) => FIELD_NAMES.map((name) => `${name}_${type}` as const));
type FieldWord = (typeof FIELD_WORDS)[number];

/** What a field of a name mostly is, so that a program's types and the kernel's have something in common. */
const USUAL_TYPES: Readonly<Record<(typeof FIELD_NAMES)[number], readonly FieldType[]>> = {
  a: ['u32', 'u8', 'u16', 'u64', 's32'],
  b: ['ptr', 'bits3', 'u64', 's32'],
  c: ['array4', 'array8', 'inner'],
};

/** A few distinct names, each with a type that `usual` says, or now and then with any. */
function fieldWords(usual: Readonly<Record<string, readonly FieldType[]>>): Argument<readonly FieldWord[]> {
  return {
    ...list(oneOf(FIELD_WORDS), { maxLength: 4, default: [] }),
    draw({ random }) {
      const from = random.below(FIELD_NAMES.length);
      const names = FIELD_NAMES.map((_, place) => FIELD_NAMES[(from + place) % FIELD_NAMES.length]!);
      return names.slice(0, random.pick([1, 1, 2, 3])).map((name): FieldWord => {
        const type = random.pick(random.chance(0.8) ? usual[name]! : FIELD_TYPES);
        return `${name}_${type}`;
      });
    },
  };
}

/** Enumerators of one bit, of more than 32, and of less than nothing. */
const TELLING_VALUES: readonly FieldType[] = ['u32', 'u64', 's32'];
const enumeratorWords = fieldWords({ a: TELLING_VALUES, b: TELLING_VALUES, c: TELLING_VALUES });

/** What a field of another kernel version has for a type. */
const OTHER_SIZES: Readonly<Record<FieldType, FieldType>> = {
  u32: 'u64',
  u8: 'u16',
  u16: 'u8',
  u64: 'u32',
  s32: 'u32',
  ptr: 'ptr',
  array4: 'array8',
  array8: 'array4',
  bits3: 'u32',
  inner: 'inner',
};

const typeArguments = {
  kind: mostly(oneOf(['struct', 'union', 'typedef', 'float'], { default: 'struct' }), ['struct'], 0.8),
  name: oneOf(['t', 's', 'r']),
  fields: fieldWords(USUAL_TYPES),
};
const enumArguments = {
  kind: oneOf(['enum', 'enum64'], { default: 'enum' }),
  name: oneOf(['e', 't']),
  fields: enumeratorWords,
};
const kernelArguments = {
  flavoured: boolean({ default: false, probability: 0.1 }),
  module: boolean({ default: false, probability: 0.1 }),
};

const kernelType = operation({
  name: 'kernel_type',
  does: 'The kernel, or a module of it, is built with a type; several may have one name.',
  makes: 'kernel_type',
  weight: 3,
  takes: { ...typeArguments, ...kernelArguments },
  ready: kernelMayGrow,
  apply: growKernel,
});

const kernelEnum = operation({
  name: 'kernel_enum',
  does: 'The same with an enum of 32 or 64 bits.',
  makes: 'kernel_enum',
  weight: 2,
  takes: { ...enumArguments, ...kernelArguments },
  ready: kernelMayGrow,
  apply: growKernel,
});

const localType = operation({
  name: 'local_type',
  does: 'The developer declares a type, as much of the kernel’s as the program needs.',
  makes: 'type',
  weight: 3,
  takes: {
    ...typeArguments,
    name: mostly(oneOf(['t', 's', 'r', 'anonymous']), ['t', 's', 'r'], 0.85),
    flavoured: boolean({ default: false, probability: 0.2 }),
  },
  ready: ({ types }: CoreWorld, { kind, name }) =>
    types.length < MOST_TYPES && (name !== 'anonymous' || kind === 'struct' || kind === 'union'),
  apply: declare,
});

const vmlinuxType = operation({
  name: 'type_from_vmlinux_h',
  does: 'The developer takes a type as some kernel’s vmlinux.h has it: this one’s, or one’s whose fields have other sizes.',
  makes: 'type',
  weight: 3,
  takes: { of: made<TypeShape>('kernel_type'), resized: boolean({ default: false }) },
  ready: ({ types }: CoreWorld) => types.length < MOST_TYPES,
  apply({ types }: CoreWorld, { of, resized }): TypeShape {
    const fields = of.fields.map(({ name, type }) => ({ name, type: resized ? OTHER_SIZES[type] : type }));
    const shape: TypeShape = { ...of, flavoured: false, fields, inModule: false };
    types.push(shape);
    return shape;
  },
});

const localEnum = operation({
  name: 'local_enum',
  does: 'The developer declares an enum; which names it has matters, not what they are worth.',
  makes: 'enum',
  weight: 2,
  takes: { ...enumArguments, flavoured: boolean({ default: false, probability: 0.2 }) },
  ready: ({ types }: CoreWorld) => types.length < MOST_TYPES,
  apply: declare,
});

export const coreTypeOperations = [kernelType, kernelEnum, localType, vmlinuxType, localEnum] as const;

/** Fields by their words; the first of a name counts, as a compiler allows only one. */
function fieldsOf(words: readonly string[]): readonly Field[] {
  const fields = words.map((word) => {
    const [name, type] = word.split('_') as [string, FieldType];
    return { name, type };
  });
  return fields.filter(({ name }, place) => fields.findIndex((field) => field.name === name) === place);
}

interface Declaration {
  readonly kind: ShapeKind;
  readonly name: string;
  readonly fields: readonly FieldWord[];
  readonly flavoured: boolean;
}

function kernelMayGrow({ running, kernel }: CoreWorld): boolean {
  return !running && kernel.types.shapes.length < MOST_TYPES;
}

function growKernel({ kernel }: CoreWorld, declared: Declaration & { readonly module: boolean }): TypeShape {
  const shape = shapeOf(declared, declared.module);
  kernel.types.shapes.push(shape);
  return shape;
}

function declare({ types }: CoreWorld, declared: Declaration): TypeShape {
  const shape = shapeOf(declared, false);
  types.push(shape);
  return shape;
}

function shapeOf({ kind, name, fields, flavoured }: Declaration, inModule: boolean): TypeShape {
  const anonymous = name === 'anonymous';
  return { kind, name: anonymous ? '' : name, flavoured: flavoured && !anonymous, fields: fieldsOf(fields), inModule };
}
