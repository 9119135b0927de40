import type { Btf } from '../../../model/bpf/btf/blob.ts';
import { type CoreRecord, RECORD_BYTES, readRecord, subjectOf } from '../../../model/bpf/btf/core-record.ts';
import { parseBtf } from '../../../model/bpf/btf/parse.ts';
import type { BtfType } from '../../../model/bpf/btf/type.ts';
import { BtfError } from '../../../model/bpf/btf/wire.ts';
import { type Attempt, hazardsOf } from '../hazards.ts';
import type { CoreLoad } from './core-load.ts';

/**
 * Why a load is not sent to a running kernel; undefined where it is known to do no harm. It is judged by what it holds, never
 * by where it comes from: the types that each record can lead a comparison to, and the numbers in its access string.
 *
 * What cannot be read, or was never seen to be harmless, is withheld too. A wrong guess costs a locked candidate cache, and
 * with it every load of everybody until reboot; a case too many that is withheld costs nothing.
 */
export function reasonToWithhold(load: CoreLoad, release: string): string | undefined {
  const { bytes, count, recordSize } = load.records;
  if (recordSize < RECORD_BYTES || recordSize % 4 !== 0 || count * recordSize > bytes.length)
    return 'its records cannot be read here as the kernel would read them';
  const types = readable(load.btf);
  if (types === undefined) return 'its types cannot be read here';
  for (let number = 0; number < count; number++) {
    const record = readRecord(bytes, number * recordSize);
    const reason = doubtfulPlace(load, record) ?? dangerOf(types, record, release);
    if (reason !== undefined) return `record ${number}: ${reason}`;
  }
  return undefined;
}

/** Types as the model reads them; whatever it refuses is not judged further. */
function readable(bytes: Uint8Array): Btf | undefined {
  try {
    return parseBtf(bytes);
  } catch (error) {
    if (error instanceof BtfError) return undefined;
    throw error;
  }
}

/** One record as attempts that hazards are known of: one for each kind of type that it can reach. */
function dangerOf(types: Btf, record: CoreRecord, release: string): string | undefined {
  const subject = subjectOf(record.kind);
  const accessors = accessorsOf(types.string(record.accessOffset) ?? '');
  // A field or an enumerator is looked up below its root, which has to be of a kind that has any; kinds below are compared
  // by a function that knows all of them. A kind that is no kind counts as one about a type.
  const isAboutType = subject === 'type' || subject === undefined;
  const reached = isAboutType ? kindsReachedFrom(types, record.typeId) : rootKinds(types, record.typeId);
  for (const kind of reached) {
    const attempt: Attempt = { kind: 'core-relocation', relocation: 'type', localKind: kind.toUpperCase(), accessors };
    const [hazard] = hazardsOf(attempt, release);
    if (hazard !== undefined) return hazard.name;
  }
  return undefined;
}

/** The numbers of an access string as the kernel's 32 bits hold them; what is no plain number counts as negative. */
function accessorsOf(text: string): readonly number[] {
  if (text.includes('-')) return [NEGATIVE];
  return text
    .split(/\D+/)
    .filter((digits) => digits !== '')
    .map((digits) => (digits.length > MOST_DIGITS ? NEGATIVE : Number(BigInt.asIntN(32, BigInt(digits)))));
}

const NEGATIVE = -1;
/** Numbers of more digits may exceed 64 bits, and what the kernel reads then is nowhere stated. */
const MOST_DIGITS = 18;

/** The kinds met while modifiers are looked through, the type behind them included. */
function rootKinds(types: Btf, root: number): ReadonlySet<string> {
  const kinds = new Set<string>();
  const behind = types.skipModifiers(root);
  for (const id of [root, behind]) {
    const type = id === undefined ? undefined : types.type(id);
    if (type !== undefined) kinds.add(type.kind);
  }
  // A loop of modifiers has no kind, and a set without any would pass.
  return behind === undefined ? new Set(['float']) : withVoid(kinds);
}

/** The kinds of all types that lie behind a root, by value, by pointer, as element, member, parameter or result. */
function kindsReachedFrom(types: Btf, root: number): ReadonlySet<string> {
  const seen = new Set<number>();
  const waiting = [root];
  const kinds = new Set<string>();
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const type = types.type(id);
    if (type === undefined) continue;
    kinds.add(type.kind);
    waiting.push(...referencesOf(type));
  }
  return withVoid(kinds);
}

/** A root that does not exist is asked about as well, for the sake of its access string. */
const withVoid = (kinds: ReadonlySet<string>): ReadonlySet<string> => (kinds.size === 0 ? new Set(['void']) : kinds);

function referencesOf(type: BtfType): readonly number[] {
  switch (type.kind) {
    case 'array':
      return [type.elementType, type.indexType];
    case 'struct':
    case 'union':
      return type.members.map((member) => member.type);
    case 'func_proto':
      return [type.returnType, ...type.parameters.map((parameter) => parameter.type)];
    case 'func':
      return [type.prototype];
    case 'datasec':
      return type.entries.map((entry) => entry.type);
    case 'void':
    case 'int':
    case 'enum':
    case 'enum64':
    case 'fwd':
    case 'float':
      return [];
    default:
      return [type.type];
  }
}

/**
 * Instructions that a record must not sit on. Up to 6.18 anything is replaced where nothing is found: the last instruction of a
 * function that is followed by another, and a second half behind the end of the program, are no places to try that.
 */
function doubtfulPlace(
  { instructions, functionInfo }: CoreLoad,
  { instructionOffset }: CoreRecord,
): string | undefined {
  const code = instructions[instructionOffset];
  if (instructionOffset % 8 !== 0 || code === undefined) return undefined;
  const isJump = (code & CLASS_BITS) === CLASS_JMP || (code & CLASS_BITS) === CLASS_JMP32;
  if (isJump && functionInfo.length > 1) return 'it sits on a jump of a program of several functions';
  const isLast = instructionOffset + 8 === instructions.length;
  return isLast && code === LD_IMM64 ? 'it sits on half a 64-bit load' : undefined;
}

const CLASS_BITS = 0x07;
const CLASS_JMP = 0x05;
const CLASS_JMP32 = 0x06;
const LD_IMM64 = 0x18;
