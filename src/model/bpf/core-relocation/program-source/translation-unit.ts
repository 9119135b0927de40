/**
 * A program as its developer writes it, one piece at a time, and the object a compiler makes of it. The compiler leaves in
 * every relocatable instruction the answer its own types give and a record that says what was asked.
 */
import { BtfBuilder } from '../../btf/build.ts';
import { type CoreRecord, RELOCATION_KINDS } from '../../btf/core-record.ts';
import { parseBtf } from '../../btf/parse.ts';
import { CALL, LD_IMM64, ProgramImage, PSEUDO_CALL } from '../image.ts';
import type { BpfObject, BpfProgram, Relocation } from '../object.ts';
import { answerIn, isAboutEnumerator, isAboutField, type QuestionKind } from './question.ts';
import { addBaseTypes, addShape, FIELD_SIZES, type TypeShape } from './type-shape.ts';

/** Instructions that hold what a record asks: two that can, a load or store, and three that cannot be relocated. */
export const FORMS = ['mov', 'ld_imm64', 'load', 'register', 'exit', 'cut'] as const;
/** `register`: an operation without immediate; `cut`: the first half of a 64-bit load at the end of the function. */
export type Form = (typeof FORMS)[number];

/** Records no compiler makes; a load answers them by refusing. */
export const MALFORMED = ['missing-type', 'negative-index', 'unknown-kind', 'signed-index', 'past-the-end'] as const;
export type Malformed = (typeof MALFORMED)[number];

export type Piece =
  | {
      readonly kind: 'question';
      readonly asks: QuestionKind;
      readonly type: TypeShape;
      /** Place among the fields of the type; without meaning where the question is about the whole type. */
      readonly field: number;
      readonly form: Form;
      /** The instruction holds something else than the answer: static linking does that to type ids, nothing to others. */
      readonly stale: boolean;
    }
  | { readonly kind: 'malformed'; readonly what: Malformed }
  /** Of another function; `resolved` where the immediate is right already and the object has no ELF relocation for it. */
  | { readonly kind: 'call'; readonly callee: string; readonly resolved: boolean }
  /** `r0 = 0`, which needs no relocation. */
  | { readonly kind: 'plain' };

/** A compiler of the time before CO-RE makes no records, and a .BTF.ext whose header ends before them. */
export const COMPILERS = ['current', 'before-core'] as const;
export type Compiler = (typeof COMPILERS)[number];

/** A piece whose instruction has a record. */
export type RecordedPiece = Extract<Piece, { kind: 'question' | 'malformed' }>;

/** Where a function stands: in a section of programs, in one libbpf does not load by itself (and may be told to), or in .text. */
export type Standing = 'program' | 'optional' | 'optional-enabled' | 'subprogram' | 'eliminated';

/** A function as written. An `eliminated` one is the weak copy that lost: its code and records stay, but it is no function. */
export interface FunctionSource {
  readonly name: string;
  readonly standing: Standing;
  readonly pieces: readonly Piece[];
}

export interface TranslationUnit {
  readonly types: readonly TypeShape[];
  readonly functions: readonly FunctionSource[];
  /** Whether func_info is made (clang -g always does). */
  readonly debugInfo: boolean;
  readonly compiler: Compiler;
}

/** Sections of the object. */
export const SECTION = { text: 1, socket: 2, optional: 3 } as const;

export const sectionOf = (standing: Standing): number =>
  standing === 'program' ? SECTION.socket : standing.startsWith('optional') ? SECTION.optional : SECTION.text;

/** An id no blob of this house has, and a kind after the last one. */
const MISSING_TYPE = 100_500;
const UNKNOWN_KIND = 13;
/** What a stale instruction holds beyond the answer. */
const STALE_BY = 7;
/** Slots behind the end of the section that a misplaced record points to. */
const PAST_THE_END = 4096;

/** Slots a piece takes. */
export const slotsOf = (piece: Piece): number => (piece.kind === 'question' && piece.form === 'ld_imm64' ? 2 : 1);

/** Slots of a whole function: its pieces, `r0 = 0` where there are none, and the exit unless it is cut short. */
export function functionSlots({ pieces }: FunctionSource): number {
  const body = pieces.reduce((sum, piece) => sum + slotsOf(piece), 0);
  return (pieces.length === 0 ? 1 : body) + (endsCut(pieces) ? 0 : 1);
}

const endsCut = (pieces: readonly Piece[]): boolean => {
  const last = pieces.at(-1);
  return last?.kind === 'question' && last.form === 'cut';
};

/** Ids of the unit's types in its blob, in their order. */
export function compile(unit: TranslationUnit): { readonly object: BpfObject; readonly typeIds: readonly number[] } {
  const builder = new BtfBuilder();
  const base = addBaseTypes(builder);
  const prototype = builder.add({ kind: 'func_proto', name: '', returnType: base.u32, parameters: [] });
  const functionType = builder.add({ kind: 'func', name: 'function', prototype, linkage: 1 });
  const typeIds = unit.types.map((shape) => addShape(builder, base, shape));
  const starts = sectionStarts(unit.functions);
  const records = new Map<number, CoreRecord[]>();
  const programs: BpfProgram[] = [];
  for (const source of unit.functions) {
    const { standing, name } = source;
    const sectionIndex = sectionOf(standing);
    const sectionStart = starts.get(name)!;
    const image = new ProgramImage(new Uint8Array(8 * functionSlots(source)));
    const relocations: Relocation[] = [];
    const list = records.get(sectionIndex) ?? [];
    records.set(sectionIndex, list);
    let at = 0;
    for (const piece of source.pieces) {
      const instructionOffset = 8 * (sectionStart + at);
      if (piece.kind === 'call') {
        const callee = starts.get(piece.callee)!;
        image.setSlot(at, { opcode: CALL, immediate: piece.resolved ? callee - (sectionStart + at) - 1 : -1 });
        image.setSource(at, PSEUDO_CALL);
        if (!piece.resolved) relocations.push({ kind: 'call', index: at, symbolOffset: 8 * callee });
      } else if (piece.kind === 'plain') {
        image.setSlot(at, { opcode: OPCODES.mov, immediate: 0 });
      } else if (piece.kind === 'malformed') {
        image.setSlot(at, { opcode: OPCODES.mov, immediate: 0 });
        list.push(malformedRecord(builder, piece.what, instructionOffset));
      } else {
        const typeId = typeIds[unit.types.indexOf(piece.type)]!;
        write(image, at, piece, typeId);
        const accessOffset = builder.string(accessOf(piece));
        list.push({ instructionOffset, typeId, accessOffset, kind: RELOCATION_KINDS.indexOf(piece.asks) });
      }
      at += slotsOf(piece);
    }
    if (source.pieces.length === 0) image.setSlot(0, { opcode: OPCODES.mov, immediate: 0 });
    if (!endsCut(source.pieces)) image.setSlot(image.length - 1, { opcode: OPCODES.exit, immediate: 0 });
    if (standing === 'eliminated') continue;
    programs.push({
      name,
      section: sectionIndex === SECTION.text ? '.text' : 'socket',
      sectionIndex,
      sectionStart,
      instructions: image.bytes,
      isSubprogram: standing === 'subprogram',
      autoload: standing !== 'optional',
      isGlobal: true,
      staticInBtf: false,
      relocations,
      functionInfo: unit.debugInfo ? [{ index: 0, typeId: functionType }] : [],
    });
  }
  const order = [SECTION.text, SECTION.socket, SECTION.optional];
  const object: BpfObject = {
    programs: order.flatMap((section) => programs.filter(({ sectionIndex }) => sectionIndex === section)),
    textSection: SECTION.text,
    btf: parseBtf(builder.bytes()),
    coreRelocations: order.map((sectionIndex) => ({ sectionIndex, records: records.get(sectionIndex) ?? [] })),
    maps: [],
    externs: [],
  };
  return { object, typeIds };
}

/** Where each function starts in its section, in instructions. */
export function sectionStarts(functions: readonly FunctionSource[]): ReadonlyMap<string, number> {
  const ends = new Map<number, number>();
  return new Map(
    functions.map((source) => {
      const section = sectionOf(source.standing);
      const start = ends.get(section) ?? 0;
      ends.set(section, start + functionSlots(source));
      return [source.name, start];
    }),
  );
}

const OPCODES = { mov: 0xb7, register: 0xbf, exit: 0x95 } as const;
/** LDX of 1, 2, 4 and 8 bytes. */
const LOADS: Readonly<Record<number, number>> = { 1: 0x71, 2: 0x69, 4: 0x61, 8: 0x79 };

type Question = Extract<Piece, { kind: 'question' }>;

/** The answer the compiler's types give, in the instruction's own way of holding it. */
function write(image: ProgramImage, at: number, question: Question, typeId: number): void {
  const { asks, type, field, form, stale } = question;
  const answer = answerIn(asks, type, typeId, type.fields[field]) + BigInt(stale ? STALE_BY : 0);
  const low = Number(BigInt.asIntN(32, answer));
  if (form === 'register' || form === 'exit') image.setSlot(at, { opcode: OPCODES[form], immediate: 0 });
  else if (form === 'load') {
    image.setSlot(at, { opcode: LOADS[accessBytes(question)]!, immediate: 0 });
    image.setSource(at, 1);
    image.setOffset(at, Number(BigInt.asIntN(16, answer)));
  } else {
    image.setSlot(at, { opcode: form === 'mov' ? OPCODES.mov : LD_IMM64, immediate: low });
    if (form === 'ld_imm64') image.setSlot(at + 1, { opcode: 0, immediate: Number(BigInt.asIntN(32, answer >> 32n)) });
  }
}

/** Bytes that a load of the field reads: of an array, one element. */
export function accessBytes({ type, field }: Pick<Question, 'type' | 'field'>): number {
  const fieldType = type.fields[field]?.type;
  if (fieldType === undefined || fieldType === 'array4' || fieldType === 'array8') return 4;
  return FIELD_SIZES[fieldType].sizeBytes;
}

function accessOf({ asks, field }: Question): string {
  if (isAboutField(asks)) return `0:${field}`;
  return isAboutEnumerator(asks) ? `${field}` : '0';
}

function malformedRecord(builder: BtfBuilder, what: Malformed, instructionOffset: number): CoreRecord {
  const sound = { instructionOffset, typeId: 1, accessOffset: builder.string('0'), kind: 8 };
  switch (what) {
    case 'missing-type':
      return { ...sound, typeId: MISSING_TYPE, kind: 6 };
    case 'negative-index':
      return { ...sound, accessOffset: builder.string('0:-1'), kind: 0 };
    case 'unknown-kind':
      return { ...sound, kind: UNKNOWN_KIND };
    case 'signed-index':
      return { ...sound, accessOffset: builder.string('+0'), kind: 0 };
    case 'past-the-end':
      return { ...sound, instructionOffset: instructionOffset + 8 * PAST_THE_END };
  }
}
