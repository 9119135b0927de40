import { type Argument, boolean, integer, list, made, oneOf } from '../language/argument.ts';
import { operation, refuse, type Shown } from '../language/operation.ts';
import { descriptorBytes } from '../model/bpf/core-relocation/descriptor.ts';
import {
  isAboutEnumerator,
  isAboutField,
  QUESTION_KINDS,
} from '../model/bpf/core-relocation/program-source/question.ts';
import { FORMS, MALFORMED } from '../model/bpf/core-relocation/program-source/translation-unit.ts';
import {
  FIELD_TYPES,
  type Field,
  type FieldType,
  type ShapeKind,
  type TypeShape,
} from '../model/bpf/core-relocation/program-source/type-shape.ts';
import type { Refusal } from '../model/bpf/core-relocation/refusal.ts';
import { CALLERS, type CoreObject } from '../model/bpf/core-relocation/world/core-object.ts';
import type { CoreWorld, WrittenFunction } from '../model/bpf/core-relocation/world/core-world.ts';

const MOST_TYPES = 6;
const MOST_FUNCTIONS = 8;
const MOST_PIECES = 6;
const MOST_OBJECTS = 12;

/** Questions about types, fields and whole ones; and about enums, their enumerators and whole ones. */
const TYPE_QUESTIONS = QUESTION_KINDS.filter((kind) => !isAboutEnumerator(kind));
const ENUM_QUESTIONS = QUESTION_KINDS.filter((kind) => !isAboutField(kind)).toSorted(
  (left, right) => Number(isAboutEnumerator(right)) - Number(isAboutEnumerator(left)),
);

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
    name: mostly(oneOf(['t', 's', 'r', 'anonymous']), ['t', 's', 'r'], 0.95),
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

const mainProgram = operation({
  name: 'main_program',
  does: 'The developer begins a program in SEC("socket"), or in SEC("?socket"), which libbpf loads only when told to.',
  makes: 'function',
  weight: 2,
  takes: {
    standing: mostly(oneOf(['program', 'optional', 'optional-enabled'], { default: 'program' }), ['program'], 0.6),
    plain: integer({ min: 0, max: 4, default: 0 }),
  },
  ready: mayWriteFunction,
  apply(world: CoreWorld, { standing, plain }) {
    const written = world.write(standing);
    for (let count = 0; count < plain; count++) written.pieces.push({ kind: 'plain' });
    return written;
  },
});

const newFile = operation({
  name: 'new_source_file',
  does: 'The developer begins another file; objects made of the one before stay.',
  weight: 1,
  takes: {},
  ready: ({ functions, types }: CoreWorld) => functions.length + types.length > 0,
  apply: (world: CoreWorld) => world.beginFile(),
});

const subprogram = operation({
  name: 'subprogram',
  does: 'The developer begins a function in .text that another one calls, or that nobody calls yet.',
  makes: 'function',
  weight: 2,
  takes: { caller: made<WrittenFunction>('function'), called: boolean({ default: true, probability: 0.85 }) },
  ready: (world: CoreWorld, { caller }) => mayWriteFunction(world) && mayGrow(world, caller),
  apply(world: CoreWorld, { caller, called }) {
    const written = world.write('subprogram');
    if (called) caller.pieces.push({ kind: 'call', callee: written.name });
    return written;
  },
});

const eliminatedCopy = operation({
  name: 'eliminated_copy',
  does: 'Static linking keeps the code and the records of a weak function that another copy replaced.',
  makes: 'function',
  takes: {},
  ready: mayWriteFunction,
  apply: (world: CoreWorld) => world.write('eliminated'),
});

const call = operation({
  name: 'call',
  does: 'One function calls another that is in .text; programs that share one get a copy each.',
  weight: 3,
  takes: { caller: made<WrittenFunction>('function'), callee: made<WrittenFunction>('function') },
  ready: (world: CoreWorld, { caller, callee }) =>
    mayGrow(world, caller) &&
    world.functions.items.includes(callee) &&
    callee.standing === 'subprogram' &&
    !reaches(world, callee, caller),
  apply(_world: CoreWorld, { caller, callee }) {
    caller.pieces.push({ kind: 'call', callee: callee.name });
  },
});

const questionArguments = {
  form: mostly(oneOf(FORMS, { default: 'mov' }), ['mov', 'ld_imm64', 'load'], 0.95),
  stale: boolean({ default: false, probability: 0.03 }),
};

const access = operation({
  name: 'access',
  does: 'The developer asks something about a type or a field of it; the compiler emits an instruction and a CO-RE record.',
  weight: 8,
  takes: {
    in: made<WrittenFunction>('function'),
    type: made<TypeShape>('type'),
    asks: mostly(oneOf(TYPE_QUESTIONS), ['byte_off', 'signed', 'type_matches'], 0.6),
    field: integer({ min: 0, max: 2, default: 0 }),
    ...questionArguments,
  },
  ready: (world: CoreWorld, { in: written, type, asks, field }) =>
    mayGrow(world, written) &&
    world.types.items.includes(type) &&
    (!isAboutField(asks) || (field < type.fields.length && type.kind !== 'float')),
  apply(_world: CoreWorld, { in: written, ...question }) {
    written.pieces.push({ kind: 'question', ...question });
  },
});

const enumerator = operation({
  name: 'enumerator',
  does: 'The developer asks something about an enum or an enumerator of it.',
  weight: 6,
  takes: {
    in: made<WrittenFunction>('function'),
    type: made<TypeShape>('enum'),
    asks: oneOf(ENUM_QUESTIONS),
    field: integer({ min: 0, max: 2, default: 0 }),
    ...questionArguments,
  },
  ready: (world: CoreWorld, { in: written, type, asks, field }) =>
    mayGrow(world, written) &&
    world.types.items.includes(type) &&
    (!isAboutEnumerator(asks) || field < type.fields.length),
  apply(_world: CoreWorld, { in: written, ...question }) {
    written.pieces.push({ kind: 'question', ...question });
  },
});

const malformedRecord = operation({
  name: 'malformed_record',
  does: 'An instruction gets a CO-RE record that no compiler makes.',
  weight: 0.3,
  takes: { in: made<WrittenFunction>('function'), what: oneOf(MALFORMED) },
  ready: (world: CoreWorld, { in: written }) => mayGrow(world, written),
  apply(_world: CoreWorld, { in: written, what }) {
    written.pieces.push({ kind: 'malformed', what });
  },
});

const relocateCore = operation({
  name: 'bpf_object__relocate_core',
  does: 'libbpf opens what is compiled so far and goes over its CO-RE records: resolves them, or keeps them for the loader.',
  makes: 'object',
  weight: 4,
  takes: {
    loading: oneOf(['direct', 'light-skeleton']),
    by: mostly(oneOf(CALLERS, { default: 'root' }), ['root'], 0.8),
    debug_info: boolean({ default: true, probability: 0.97 }),
  },
  ready: ({ functions, objects }: CoreWorld) => functions.length > 0 && objects.length < MOST_OBJECTS,
  apply: (world: CoreWorld, { loading, by, debug_info: debugInfo }) => world.relocateCore(loading, by, debugInfo),
  shows: (_world: CoreWorld, _taken, object): Shown => {
    const { state } = object as CoreObject;
    return state.kind === 'refused' ? sayRefusal(state.refusal) : 'passed';
  },
});

const openAgain = operation({
  name: 'bpf_object__open_again',
  does: 'The same file is opened once more, to be loaded the other way.',
  makes: 'object',
  weight: 4,
  takes: { object: made<CoreObject>('object') },
  ready: ({ objects }: CoreWorld) => objects.length < MOST_OBJECTS,
  apply: (world: CoreWorld, { object }) => world.openAgain(object),
});

const relocateCalls = operation({
  name: 'bpf_object__relocate_calls',
  does: 'libbpf copies the functions that each program calls behind it; relocations move along.',
  weight: 8,
  takes: { object: made<CoreObject>('object') },
  ready: (_world: CoreWorld, { object }) => object.state.kind === 'passed',
  apply(world: CoreWorld, { object }) {
    if (object.state.kind === 'passed') world.relocateCalls(object, object.state.object);
    const { state } = object;
    if (state.kind === 'refused') return refuse(sayRefusal(state.refusal));
    return state.kind === 'linked' ? { ...descriptorBytes(state, world.profile.descriptor) } : undefined;
  },
});

const loadPrograms = operation({
  name: 'bpf_object__load_progs',
  does: 'Every program goes through BPF_PROG_LOAD: by libbpf as it is, or by the generated loader with its records.',
  weight: 8,
  takes: { object: made<CoreObject>('object') },
  ready: (_world: CoreWorld, { object }) => object.state.kind === 'linked',
  apply(world: CoreWorld, { object }) {
    if (object.state.kind === 'linked') world.load(object, object.state.object, object.state.linked);
    const { state } = object;
    if (state.kind === 'refused') return refuse(sayRefusal(state.refusal));
    if (state.kind !== 'loaded') return undefined;
    return state.refusal === undefined ? { loaded: state.loads.length } : refuse(sayRefusal(state.refusal));
  },
});

const cacheEviction = operation({
  name: 'candidate_cache_eviction',
  does: 'Another name falls into the slot of this one, and the kernel forgets the candidates it found.',
  hint: true,
  weight: 0.3,
  takes: { name: oneOf(['t', 's', 'r', 'e']) },
  apply({ kernel }: CoreWorld, { name }) {
    kernel.cache.evict(name);
  },
});

export const coreRelocationOperations = [
  kernelType,
  kernelEnum,
  localType,
  vmlinuxType,
  localEnum,
  newFile,
  mainProgram,
  subprogram,
  eliminatedCopy,
  call,
  access,
  enumerator,
  malformedRecord,
  relocateCore,
  openAgain,
  relocateCalls,
  loadPrograms,
  cacheEviction,
] as const;

/** Fields by their words; the first of a name counts, as a compiler allows only one. */
function fieldsOf(words: readonly string[]): readonly Field[] {
  const fields = words.map((word) => {
    const [name, type] = word.split('_') as [string, FieldType];
    return { name, type };
  });
  return fields.filter(({ name }, place) => fields.findIndex((field) => field.name === name) === place);
}

/** Draws one of the likely words this often, any word otherwise. */
function mostly<Word extends string>(
  words: Argument<Word>,
  likely: readonly NoInfer<Word>[],
  probability: number,
): Argument<Word> {
  return {
    ...words,
    draw: (draft) => (draft.random.chance(probability) ? draft.random.pick(likely) : words.draw(draft)),
  };
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

function mayWriteFunction({ functions }: CoreWorld): boolean {
  return functions.length < MOST_FUNCTIONS;
}

/** Whether a function of the current file may go on: nothing follows an instruction that is cut short. */
function mayGrow({ functions }: CoreWorld, written: WrittenFunction): boolean {
  const { pieces } = written;
  const last = pieces.at(pieces.length - 1);
  return (
    functions.items.includes(written) &&
    pieces.length < MOST_PIECES &&
    !(last?.kind === 'question' && last.form === 'cut')
  );
}

function reaches(world: CoreWorld, from: WrittenFunction, to: WrittenFunction): boolean {
  if (from === to) return true;
  return from.pieces.items.some((piece) => {
    if (piece.kind !== 'call') return false;
    const callee = world.functions.items.find(({ name }) => name === piece.callee);
    return callee !== undefined && reaches(world, callee, to);
  });
}

const sayRefusal = (refusal: Refusal): string => (refusal.kind === 'oops' ? 'crash' : `-${refusal.errno}`);
