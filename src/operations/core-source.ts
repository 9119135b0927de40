/** What a developer writes, piece by piece: functions, calls, and questions about types. */
import { boolean, integer, made, oneOf } from '../language/argument.ts';
import { operation } from '../language/operation.ts';
import { RELOCATION_KINDS } from '../model/bpf/btf/core-record.ts';
import { isAboutEnumerator, isAboutField } from '../model/bpf/core-relocation/program-source/question.ts';
import { FORMS, MALFORMED } from '../model/bpf/core-relocation/program-source/translation-unit.ts';
import type { TypeShape } from '../model/bpf/core-relocation/program-source/type-shape.ts';
import type { CoreWorld, WrittenFunction } from '../model/bpf/core-relocation/world/core-world.ts';
import { mostly } from './mostly.ts';

const MOST_FUNCTIONS = 8;
const MOST_PIECES = 6;

/** Questions about types, fields and whole ones; and about enums, their enumerators and whole ones. */
const TYPE_QUESTIONS = RELOCATION_KINDS.filter((kind) => !isAboutEnumerator(kind));
const ENUM_QUESTIONS = RELOCATION_KINDS.filter((kind) => !isAboutField(kind)).toSorted(
  (left, right) => Number(isAboutEnumerator(right)) - Number(isAboutEnumerator(left)),
);

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
  does: 'The developer begins a function in .text that another one calls, through an ELF relocation or resolved already; or that nobody calls yet.',
  makes: 'function',
  weight: 2,
  takes: {
    caller: made<WrittenFunction>('function'),
    called: boolean({ default: true, probability: 0.85 }),
    resolved: boolean({ default: false, probability: 0.1 }),
  },
  ready: (world: CoreWorld, { caller }) => mayWriteFunction(world) && mayGrow(world, caller),
  apply(world: CoreWorld, { caller, called, resolved }) {
    const written = world.write('subprogram');
    if (called) caller.pieces.push({ kind: 'call', callee: written.name, resolved });
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
    caller.pieces.push({ kind: 'call', callee: callee.name, resolved: false });
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

export const coreSourceOperations = [
  newFile,
  mainProgram,
  subprogram,
  eliminatedCopy,
  call,
  access,
  enumerator,
  malformedRecord,
] as const;

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
