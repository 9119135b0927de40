import type { Btf } from '../../../model/bpf/btf/blob.ts';
import { type CoreRecord, RECORD_BYTES, subjectOf, writeRecord } from '../../../model/bpf/btf/core-record.ts';
import { parseBtf } from '../../../model/bpf/btf/parse.ts';
import { CALL, LD_IMM64, ProgramImage, PSEUDO_CALL } from '../../../model/bpf/core-relocation/image.ts';
import { KERNEL_6_18 } from '../../../model/bpf/core-relocation/policy.ts';
import { isRefusal } from '../../../model/bpf/core-relocation/refusal.ts';
import { resolveRecord } from '../../../model/bpf/core-relocation/resolve.ts';
import type { CoreLoad } from './core-load.ts';
import type { CorePlan, PlannedQuestion } from './core-plan.ts';
import { LocalTypes } from './local-types.ts';

/**
 * Builds what a plan says: the types, then a function or two of one instruction a question. Each function begins by pointing r1
 * at the value of a map, so that loads and stores have somewhere to go, and ends with an exit.
 */
export function loadOfPlan(plan: CorePlan, kernel: Btf): CoreLoad {
  const types = new LocalTypes(kernel);
  const declared = plan.types.map((type) => types.declare(type));
  const asked = plan.questions.map((question) => {
    const { id, deeper } = declared[question.type]!;
    const part = Math.min(question.part, Math.max(deeper.length - 1, 0));
    const goesOn = question.deeper && deeper[part] === true;
    return { question, typeId: id, accessOffset: types.builder.string(accessOf(question.kind, part, goesOn)) };
  });
  const btf = types.builder.bytes();
  const local = parseBtf(btf);
  const main = asked.filter(({ question }) => !question.inSubprogram);
  const sub = asked.filter(({ question }) => question.inSubprogram);
  const mainSlots = slotsOf(main) + (sub.length > 0 ? 1 : 0);
  const image = new ProgramImage(new Uint8Array(8 * (mainSlots + (sub.length > 0 ? slotsOf(sub) : 0))));
  const records = [...write(image, 0, main, local), ...(sub.length > 0 ? write(image, mainSlots, sub, local) : [])];
  if (sub.length > 0) {
    const call = mainSlots - 2;
    image.setSlot(call, { opcode: CALL, immediate: mainSlots - call - 1 });
    image.setSource(call, PSEUDO_CALL);
  }
  image.setSlot(mainSlots - 1, { opcode: EXIT, immediate: 0 });
  if (sub.length > 0) image.setSlot(image.length - 1, { opcode: EXIT, immediate: 0 });
  const starts = sub.length > 0 ? [0, mainSlots] : [0];
  const bytes = new Uint8Array(RECORD_BYTES * records.length);
  records.forEach((record, index) => {
    writeRecord(bytes, RECORD_BYTES * index, record);
  });
  return {
    instructions: image.bytes,
    mapAddresses: starts,
    btf,
    functionInfo: plan.debugInfo ? starts.map((index, which) => ({ index, typeId: types.functions[which]! })) : [],
    lineInfo: [],
    records: { bytes, count: records.length, recordSize: RECORD_BYTES },
  };
}

function accessOf(kind: number, part: number, deeper: boolean): string {
  const subject = subjectOf(kind);
  if (subject === 'enumerator') return `${part}`;
  return subject === 'field' ? `0:${part}${deeper ? ':0' : ''}` : '0';
}

interface Asked {
  readonly question: PlannedQuestion;
  readonly typeId: number;
  readonly accessOffset: number;
}

/** Slots of a function: its beginning, its questions and its exit. */
const slotsOf = (asked: readonly Asked[]): number =>
  PROLOGUE_SLOTS + asked.reduce((sum, { question }) => sum + (question.form === 'ld_imm64' ? 2 : 1), 0) + 1;

function write(image: ProgramImage, start: number, asked: readonly Asked[], local: Btf): readonly CoreRecord[] {
  image.setSlot(start, { opcode: LD_IMM64, immediate: 0 });
  image.setDestination(start, 1);
  image.setSource(start, PSEUDO_MAP_VALUE);
  for (const register of [0, 2]) {
    const at = start + 2 + register / 2;
    image.setSlot(at, { opcode: OPCODES.mov, immediate: 0 });
    image.setDestination(at, register);
  }
  let at = start + PROLOGUE_SLOTS;
  return asked.map(({ question, typeId, accessOffset }) => {
    const record = { instructionOffset: 8 * at, typeId, accessOffset, kind: question.kind };
    const answer = localAnswer(local, record);
    writeQuestion(image, at, question, question.stale ? answer.value + STALE_BY : answer.value, answer.sizeBytes);
    at += question.form === 'ld_imm64' ? 2 : 1;
    return record;
  });
}

/** What the compiler would put into the instruction; 0 where the question makes no sense even to it. */
function localAnswer(local: Btf, record: CoreRecord): { readonly value: bigint; readonly sizeBytes: number } {
  const nobody = { find: () => [] };
  const resolution = resolveRecord(local, record, nobody, KERNEL_6_18);
  if (isRefusal(resolution)) return { value: 0n, sizeBytes: 4 };
  const { oldValue: value, oldSize: sizeBytes } = resolution;
  return { value, sizeBytes };
}

function writeQuestion(image: ProgramImage, at: number, { form }: PlannedQuestion, value: bigint, size: number): void {
  const immediate = Number(BigInt.asIntN(32, value));
  if (form === 'load' || form === 'store') {
    image.setSlot(at, { opcode: (form === 'load' ? LDX : ST) | (SIZE_BITS[size] ?? SIZE_BITS[4]!), immediate: 0 });
    if (form === 'load') image.setSource(at, 1);
    else image.setDestination(at, 1);
    image.setOffset(at, Number(BigInt.asIntN(16, value)));
  } else if (form === 'ld_imm64') {
    image.setSlot(at, { opcode: LD_IMM64, immediate });
    image.setSlot(at + 1, { opcode: 0, immediate: Number(BigInt.asIntN(32, value >> 32n)) });
  } else if (form === 'register') {
    image.setSlot(at, { opcode: OPCODES.register, immediate: 0 });
    image.setSource(at, 2);
  } else image.setSlot(at, { opcode: OPCODES[form], immediate });
}

const OPCODES = { mov: 0xb7, mov32: 0xb4, add: 0x07, register: 0xbf } as const;
const EXIT = 0x95;
const LDX = 0x61;
const ST = 0x62;
/** The size bits of a load or store by the bytes it reaches for. */
const SIZE_BITS: Readonly<Record<number, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };
const PSEUDO_MAP_VALUE = 2;
/** `r1 = address of the map's value` (two slots), `r0 = 0`, `r2 = 0`. */
const PROLOGUE_SLOTS = 4;
const STALE_BY = 7n;
