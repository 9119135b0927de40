/**
 * Access strings: "0:1:2" says which part of a local type a record means (relo_core.c:bpf_core_parse_spec()). The first
 * number treats the root as an array, each further one is a member or an array index. Both number readers are modelled,
 * because the kernel's vsscanf() and glibc's sscanf() do not accept the same strings (divergence V7).
 */

import type { Btf } from '../btf/blob.ts';
import { type CoreRecord, subjectOf } from '../btf/core-record.ts';
import { type BtfArray, isAnyEnum, isComposite } from '../btf/type.ts';
import type { RelocationPolicy } from './policy.ts';
import { type Failure, failure, isRefusal, type Refusal } from './refusal.ts';
import { typeSize } from './type-size.ts';

/** Longest path in raw numbers (BPF_CORE_SPEC_MAX_LEN). */
export const LONGEST_PATH = 64;

/** One step that matching has to find again in the target: a named member or enumerator, or an array element (no name). */
export interface Accessor {
  readonly typeId: number;
  readonly index: number;
  readonly name: string | undefined;
}

/** A parsed access: a way from a root type to a place in it. */
export interface AccessPath {
  readonly btf: Btf;
  readonly rootType: number;
  readonly accessors: readonly Accessor[];
  /** Unsigned 32-bit, wrapping as the kernel's does. */
  readonly bitOffset: number;
}

/** The path a record means in its own BTF. Every failure is EINVAL to the caller. */
export function parseAccess(btf: Btf, record: CoreRecord, policy: RelocationPolicy): AccessPath | Refusal {
  const text = btf.string(record.accessOffset);
  if (text === undefined) return failure(`access string offset ${record.accessOffset} is outside the strings`);
  if (text === '' || text.startsWith(':')) return failure(`access string ${JSON.stringify(text)} has no first index`);
  const subject = subjectOf(record.kind);
  const wholeRoot: AccessPath = { btf, rootType: record.typeId, accessors: [], bitOffset: 0 };
  if (subject === 'type') return text === '0' ? wholeRoot : failure(`a type relocation has access "0", not "${text}"`);
  const indexes = readIndexes(text, policy.numbers);
  if (indexes === undefined) return failure(`access string ${JSON.stringify(text)} is no list of indexes`);
  if (indexes.some((index) => index < 0)) return negativeIndex(text, policy);
  if (subject === 'enumerator') return enumeratorPath(wholeRoot, indexes);
  if (subject === 'field') return fieldPath(wholeRoot, indexes, policy);
  return failure(`relocation kind ${record.kind} is unknown`);
}

const negativeIndex = (text: string, { negativeIndexes }: RelocationPolicy): Refusal =>
  negativeIndexes === 'refused'
    ? failure(`access string ${JSON.stringify(text)} has a negative index`)
    : { kind: 'oops', reason: `access string ${JSON.stringify(text)} reads before the members` };

function enumeratorPath(root: AccessPath, indexes: readonly number[]): AccessPath | Failure {
  const type = root.btf.resolve(root.rootType);
  const [index = 0, ...rest] = indexes;
  if (type === undefined || !isAnyEnum(type)) return failure('an enumerator relocation needs an enum');
  const enumerator = type.enumerators[index];
  if (enumerator === undefined || rest.length > 0) return failure(`enum ${type.name} has no enumerator "${indexes}"`);
  return { ...root, accessors: [{ typeId: type.id, index, name: enumerator.name }] };
}

function fieldPath(root: AccessPath, indexes: readonly number[], policy: RelocationPolicy): AccessPath | Failure {
  const { btf } = root;
  const [rootIndex = 0, ...steps] = indexes;
  const start = btf.resolve(root.rootType);
  const rootSize = start && typeSize(btf, start.id, policy);
  if (start === undefined || rootSize === undefined) return failure('the root type has no size');
  const accessors: Accessor[] = [{ typeId: start.id, index: rootIndex, name: undefined }];
  let bitOffset = elementBits(rootIndex, rootSize);
  let typeId = start.id;
  for (const index of steps) {
    const step = stepInto(btf, typeId, index, accessors.at(-1)!, policy);
    if (isRefusal(step)) return step;
    bitOffset = (bitOffset + step.bits) >>> 0;
    if (step.accessor !== undefined) accessors.push(step.accessor);
    typeId = step.typeId;
  }
  return { ...root, accessors, bitOffset };
}

interface Step {
  readonly typeId: number;
  readonly bits: number;
  /** Missing for an anonymous member: those are walked through and not looked for in the target. */
  readonly accessor: Accessor | undefined;
}

function stepInto(
  btf: Btf,
  typeId: number,
  index: number,
  previous: Accessor,
  policy: RelocationPolicy,
): Step | Failure {
  const type = btf.resolve(typeId);
  if (type === undefined) return failure(`type ${typeId} does not resolve`);
  if (isComposite(type)) {
    const member = type.members[index];
    if (member === undefined) return failure(`${type.kind} ${type.name} has no member ${index}`);
    const accessor = member.name === '' ? undefined : { typeId: type.id, index, name: member.name };
    return { typeId: member.type, bits: member.offsetBits, accessor };
  }
  if (type.kind === 'array') {
    if (!hasElement(btf, type, index, previous)) return failure(`array [${type.id}] has no element ${index}`);
    const element = btf.skipModifiers(type.elementType);
    const size = element === undefined ? undefined : typeSize(btf, element, policy);
    if (element === undefined || size === undefined) return failure(`elements of array [${type.id}] have no size`);
    return {
      typeId: element,
      bits: elementBits(index, size),
      accessor: { typeId: element, index, name: undefined },
    };
  }
  return failure(`the access goes into a ${type.kind}`);
}

/** Whether an array has this element. One of no length that ends its struct is flexible and has every element. */
export function hasElement(btf: Btf, array: BtfArray, index: number, previous: Accessor): boolean {
  if (array.length > 0 || previous.name === undefined) return index < array.length;
  const owner = btf.type(previous.typeId);
  return owner !== undefined && isComposite(owner) && previous.index === owner.members.length - 1;
}

/** Where element `index` starts, in bits, wrapping at 2^32. */
export const elementBits = (index: number, sizeBytes: number): number =>
  Number(BigInt.asUintN(32, BigInt(index) * BigInt(sizeBytes) * 8n));

/**
 * The indexes of a string, 32 bits each; undefined when it is malformed or longer than 64 indexes. Between numbers stands
 * one colon; nothing may follow the last. A missing colon goes unnoticed where white space or a sign separates two numbers.
 */
function readIndexes(text: string, numbers: RelocationPolicy['numbers']): readonly number[] | undefined {
  const number = numbers === 'glibc' ? /[ \t\n\v\f\r]*([+-]?[0-9]+)/y : /[ \t\n\v\f\r\xa0]*(-?[0-9]+)/y;
  const indexes: number[] = [];
  let at = 0;
  while (at < text.length) {
    number.lastIndex = text[at] === ':' ? at + 1 : at;
    const found = number.exec(text);
    if (found === null || indexes.length === LONGEST_PATH) return undefined;
    const index = Number(toInt(BigInt(withoutPlus(found[1]!)), numbers));
    indexes.push(index);
    at = number.lastIndex;
  }
  return indexes;
}

/** `%d` stores the low 32 bits; glibc first clamps to 64 bits, the kernel lets them wrap as well. */
function toInt(value: bigint, numbers: RelocationPolicy['numbers']): bigint {
  if (numbers === 'kernel') return BigInt.asIntN(32, value);
  const largest = 2n ** 63n - 1n;
  return BigInt.asIntN(32, value > largest ? largest : value < -largest - 1n ? -largest - 1n : value);
}

const withoutPlus = (digits: string): string => (digits.startsWith('+') ? digits.slice(1) : digits);
