import { type Argument, boolean, integer, list, made, oneOf } from '../language/argument.ts';
import { operation, refuse, type Shown } from '../language/operation.ts';
import { descriptorBytes } from '../model/bpf/core-relocation/descriptor.ts';
import { QUESTION_KINDS } from '../model/bpf/core-relocation/program-source/question.ts';
import { FORMS, MALFORMED } from '../model/bpf/core-relocation/program-source/translation-unit.ts';
import {
  FIELD_TYPES,
  type Field,
  type FieldType,
  SHAPE_KINDS,
  type TypeShape,
} from '../model/bpf/core-relocation/program-source/type-shape.ts';
import type { Refusal } from '../model/bpf/core-relocation/refusal.ts';
import { CALLERS, type CoreObject } from '../model/bpf/core-relocation/world/core-object.ts';
import type { CoreWorld, WrittenFunction } from '../model/bpf/core-relocation/world/core-world.ts';

const MOST_TYPES = 6;
const MOST_FUNCTIONS = 8;
const MOST_PIECES = 6;
const MOST_OBJECTS = 12;

const FIELD_NAMES = ['a', 'b', 'c'] as const;
/** `a_u32` is a field called a, or an enumerator called a; the simplest words stand first. */
const FIELD_WORDS = FIELD_TYPES.flatMap((type) => FIELD_NAMES.map((name) => `${name}_${type}` as const));

const shapeArguments = {
  kind: oneOf(SHAPE_KINDS, { default: 'struct' }),
  name: oneOf(['t', 's']),
  fields: list(oneOf(FIELD_WORDS), { maxLength: 4, default: [] }) as Argument<readonly (typeof FIELD_WORDS)[number][]>,
};

const kernelType = operation({
  name: 'kernel_type',
  does: 'The kernel, or a module of it, is built with a type; several may have one name.',
  weight: 3,
  takes: {
    ...shapeArguments,
    flavoured: boolean({ default: false, probability: 0.1 }),
    module: boolean({ default: false, probability: 0.15 }),
  },
  ready: ({ running, kernel }: CoreWorld) => !running && kernel.types.shapes.length < MOST_TYPES,
  apply({ kernel }: CoreWorld, { kind, name, fields, flavoured, module }) {
    kernel.types.shapes.push({ kind, name, flavoured, fields: fieldsOf(fields), inModule: module });
  },
});

const localType = operation({
  name: 'local_type',
  does: 'The developer declares a type, as much of the kernel’s as the program needs.',
  makes: 'type',
  weight: 3,
  takes: {
    ...shapeArguments,
    name: oneOf(['t', 's', 'anonymous']),
    flavoured: boolean({ default: false, probability: 0.2 }),
  },
  ready: ({ types }: CoreWorld, { kind, name }) =>
    types.length < MOST_TYPES && (name !== 'anonymous' || kind === 'struct' || kind === 'union'),
  apply({ types }: CoreWorld, { kind, name, fields, flavoured }): TypeShape {
    const named = name === 'anonymous' ? { name: '', flavoured: false } : { name, flavoured };
    const shape: TypeShape = { kind, ...named, fields: fieldsOf(fields), inModule: false };
    types.push(shape);
    return shape;
  },
});

const mainProgram = operation({
  name: 'main_program',
  does: 'The developer begins a program in SEC("socket"), or in SEC("?socket"), which libbpf loads only when told to.',
  makes: 'function',
  weight: 2,
  takes: { standing: oneOf(['program', 'optional', 'optional-enabled'], { default: 'program' }) },
  ready: mayWriteFunction,
  apply: (world: CoreWorld, { standing }) => world.write(standing),
});

const subprogram = operation({
  name: 'subprogram',
  does: 'The developer begins a function in .text that another one calls, or that nobody calls yet.',
  makes: 'function',
  weight: 2,
  takes: { caller: made<WrittenFunction>('function'), called: boolean({ default: true, probability: 0.85 }) },
  ready: (world: CoreWorld, { caller }) => mayWriteFunction(world) && mayGrow(caller),
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
  takes: { caller: made<WrittenFunction>('function'), callee: made<WrittenFunction>('function') },
  ready: (world: CoreWorld, { caller, callee }) =>
    mayGrow(caller) && callee.standing === 'subprogram' && !reaches(world, callee, caller),
  apply(_world: CoreWorld, { caller, callee }) {
    caller.pieces.push({ kind: 'call', callee: callee.name });
  },
});

const access = operation({
  name: 'access',
  does: 'The developer asks something about a type; the compiler emits an instruction and a CO-RE record for it.',
  weight: 8,
  takes: {
    in: made<WrittenFunction>('function'),
    type: made<TypeShape>('type'),
    asks: oneOf(QUESTION_KINDS),
    field: integer({ min: 0, max: 3, default: 0 }),
    form: oneOf(FORMS, { default: 'mov' }),
    stale: boolean({ default: false, probability: 0.05 }),
  },
  ready: (_world: CoreWorld, { in: written }) => mayGrow(written),
  apply(_world: CoreWorld, { in: written, type, asks, field, form, stale }) {
    written.pieces.push({ kind: 'question', type, asks, field, form, stale });
  },
});

const malformedRecord = operation({
  name: 'malformed_record',
  does: 'An instruction gets a CO-RE record that no compiler makes.',
  takes: { in: made<WrittenFunction>('function'), what: oneOf(MALFORMED) },
  ready: (_world: CoreWorld, { in: written }) => mayGrow(written),
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
    by: oneOf(CALLERS, { default: 'root' }),
    debug_info: boolean({ default: true, probability: 0.9 }),
  },
  ready: ({ functions, objects }: CoreWorld) => functions.length > 0 && objects.length < MOST_OBJECTS,
  apply: (world: CoreWorld, { loading, by, debug_info: debugInfo }) => world.relocateCore(loading, by, debugInfo),
  shows: (_world: CoreWorld, _taken, object): Shown => {
    const { state } = object as CoreObject;
    return state.kind === 'refused' ? sayRefusal(state.refusal) : 'passed';
  },
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
  takes: { name: oneOf(['t', 's']) },
  apply({ kernel }: CoreWorld, { name }) {
    kernel.cache.evict(name);
  },
});

export const coreRelocationOperations = [
  kernelType,
  localType,
  mainProgram,
  subprogram,
  eliminatedCopy,
  call,
  access,
  malformedRecord,
  relocateCore,
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

function mayWriteFunction({ functions }: CoreWorld): boolean {
  return functions.length < MOST_FUNCTIONS;
}

/** Nothing follows an instruction that is cut short. */
function mayGrow({ pieces }: WrittenFunction): boolean {
  const last = pieces.at(pieces.length - 1);
  return pieces.length < MOST_PIECES && !(last?.kind === 'question' && last.form === 'cut');
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
