/**
 * What a record's place is worth in one BTF (relo_core.c:bpf_core_calc_relo() and its parts): the value the instruction
 * must hold now, computed from the local types, and the one it gets, computed from the target's. Little endian only.
 */
import { u64 } from '../../../base/word.ts';
import { RELOCATION_KINDS, subjectOf } from '../btf/core-record.ts';
import { isAnyEnum, isComposite } from '../btf/type.ts';
import type { AccessPath } from './access.ts';
import type { RelocationPolicy } from './policy.ts';
import { type Failure, failure, isRefusal } from './refusal.ts';
import { typeSize } from './type-size.ts';

/** The decision for one record and one candidate (or none). Values are unsigned 64-bit words. */
export interface Resolution {
  readonly oldValue: bigint;
  readonly newValue: bigint;
  /** Nothing in the target answers the question: the instruction must never be executed. */
  readonly poison: boolean;
  /** Whether the instruction has to hold oldValue before it is changed. */
  readonly validate: boolean;
  /** Bytes a load or store reaches for, before and after; both 0 where the size plays no part. */
  readonly oldSize: number;
  readonly newSize: number;
  /** The sizes differ and no narrower or wider access can make up for it. */
  readonly sizeCannotAdjust: boolean;
}

/** The decision for a local path and what was found for it; `target` undefined stands for no match in any candidate. */
export function resolveValues(
  kind: number,
  local: AccessPath,
  target: { readonly path: AccessPath; readonly visibleId: number } | undefined,
  policy: RelocationPolicy,
): Resolution | Failure {
  const before = valueAt(kind, local, local.rootType, policy);
  if (isRefusal(before)) return before;
  const after = target === undefined ? missing(kind) : valueAt(kind, target.path, target.visibleId, policy);
  if (isRefusal(after)) return after;
  const poison = after === 'poison';
  const reached = poison ? { value: 0n, memory: undefined } : after;
  const sizes = { oldSize: before.memory?.sizeBytes ?? 0, newSize: reached.memory?.sizeBytes ?? 0 };
  return {
    oldValue: before.value,
    newValue: reached.value,
    poison,
    validate: before.validate,
    ...sizes,
    sizeCannotAdjust: !poison && sizes.oldSize !== sizes.newSize && !canAdjust(before.memory, reached.memory),
  };
}

/** Both types are pointers, or both are integers of which neither is plainly signed: only those can be widened by zeros. */
function canAdjust(before: MemoryAccess | undefined, after: MemoryAccess | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  return before.shape === after.shape && before.shape !== 'other';
}

interface MemoryAccess {
  readonly sizeBytes: number;
  readonly shape: 'ptr' | 'unsigned int' | 'other';
}

interface Value {
  readonly value: bigint;
  readonly validate: boolean;
  readonly memory: MemoryAccess | undefined;
}

const plain = (value: bigint | number, validate = true): Value => ({
  value: u64(BigInt(value)),
  validate,
  memory: undefined,
});

/** What a record is worth where the target has nothing for it: 0 where the program can ask, poison where it would be misled. */
function missing(kind: number): Pick<Value, 'value' | 'memory'> | 'poison' {
  switch (RELOCATION_KINDS[kind]) {
    case 'field_exists':
    case 'target_type_id':
    case 'type_exists':
    case 'type_size':
    case 'type_matches':
    case 'enumval_exists':
      return plain(0);
    default:
      return 'poison';
  }
}

function valueAt(kind: number, path: AccessPath, visibleId: number, policy: RelocationPolicy): Value | Failure {
  switch (RELOCATION_KINDS[kind]) {
    case 'field_exists':
    case 'type_exists':
    case 'type_matches':
    case 'enumval_exists':
      return plain(1);
    case 'local_type_id':
    case 'target_type_id':
      return plain(visibleId, policy.validatesTypeIds);
    case 'type_size': {
      const size = typeSize(path.btf, path.rootType, policy);
      return size === undefined ? failure(`type [${path.rootType}] has no size`) : plain(size);
    }
    case 'enumval_value': {
      const { typeId, index } = path.accessors[0]!;
      const type = path.btf.type(typeId);
      return type !== undefined && isAnyEnum(type) ? plain(type.enumerators[index]!.value) : failure('no enum');
    }
    default:
      return subjectOf(kind) === 'field'
        ? fieldValue(kind, path, policy)
        : failure(`relocation kind ${kind} is unknown`);
  }
}

function fieldValue(kind: number, path: AccessPath, policy: RelocationPolicy): Value | Failure {
  const last = path.accessors.at(-1)!;
  const owner = path.btf.type(last.typeId);
  if (last.name === undefined) return elementValue(kind, path, last.typeId, policy);
  if (owner === undefined || !isComposite(owner)) return failure('a named step needs a struct or union');
  const member = owner.members[last.index]!;
  const type = path.btf.resolve(member.type);
  if (type === undefined) return failure('modifiers run in a loop');
  const place =
    member.bitfieldBits > 0
      ? bitfieldPlace(path.bitOffset, member.bitfieldBits, 'sizeBytes' in type ? type.sizeBytes : 0)
      : fieldPlace(path.bitOffset, typeSize(path.btf, type.id, policy));
  if (isRefusal(place)) return place;
  const validate = member.bitfieldBits === 0;
  switch (RELOCATION_KINDS[kind]) {
    case 'byte_off': {
      const memory = validate ? memoryAccess(path, member.type, policy) : undefined;
      return isRefusal(memory) ? memory : { ...plain(place.byteOffset, validate), memory };
    }
    case 'byte_sz':
      return plain(place.byteSize, validate);
    case 'signed':
      if (isAnyEnum(type)) return plain(Number(type.signed));
      // What lies behind a type that is no integer stands for memory that happens to have the sign bit set.
      return plain(type.kind === 'int' ? type.encoding & 1 : Number(policy.signedness === 'of-any-type'));
    case 'lshift_u64':
      return plain(shiftBy(path.bitOffset + place.bitSize - place.byteOffset * 8), validate);
    default:
      return plain(shiftBy(place.bitSize));
  }
}

/** How far 64 bits are shifted to leave `bits` of them; of fields beyond 8 bytes it is a wrapped unsigned 32-bit number. */
const shiftBy = (bits: number): number => (64 - bits) >>> 0;

/** a[n]: the last step has no name. Only where it is, how large it is and whether it exists can be asked. */
function elementValue(kind: number, path: AccessPath, typeId: number, policy: RelocationPolicy): Value | Failure {
  if (RELOCATION_KINDS[kind] === 'byte_off') {
    const memory = memoryAccess(path, typeId, policy);
    return isRefusal(memory) ? memory : { ...plain(Math.floor(path.bitOffset / 8)), memory };
  }
  if (RELOCATION_KINDS[kind] !== 'byte_sz') return failure(`kind ${kind} can't be applied to an array element`);
  const size = typeSize(path.btf, typeId, policy);
  return size === undefined ? failure(`elements [${typeId}] have no size`) : plain(size);
}

/** What a load of this field reaches for: of arrays, one innermost element. */
function memoryAccess(path: AccessPath, typeId: number, policy: RelocationPolicy): MemoryAccess | Failure {
  const outer = path.btf.resolve(typeId);
  let type = outer;
  const peels = policy.arrayAccess === 'element' ? 64 : 0;
  for (let steps = 0; type?.kind === 'array' && steps < peels; steps++) type = path.btf.resolve(type.elementType);
  const sizeBytes = type && typeSize(path.btf, type.id, policy);
  if (type === undefined || outer === undefined || sizeBytes === undefined)
    return failure(`type [${typeId}] has no size`);
  const unsigned = type.kind === 'int' && type.encoding !== 1;
  return { sizeBytes, shape: type.kind === 'ptr' ? 'ptr' : unsigned ? 'unsigned int' : 'other' };
}

interface Place {
  readonly byteOffset: number;
  readonly byteSize: number;
  readonly bitSize: number;
}

function fieldPlace(bitOffset: number, sizeBytes: number | undefined): Place | Failure {
  if (sizeBytes === undefined) return failure('the field has no size');
  return { byteOffset: Math.floor(bitOffset / 8), byteSize: sizeBytes, bitSize: sizeBytes * 8 };
}

/** The smallest aligned load, from the size of the declared type upwards, that holds the whole bitfield. */
function bitfieldPlace(bitOffset: number, bitSize: number, typeBytes: number): Place | Failure {
  if (typeBytes === 0) return failure('a bitfield needs a type of some size');
  for (let byteSize = typeBytes; ; byteSize *= 2) {
    const byteOffset = Math.floor(bitOffset / 8 / byteSize) * byteSize;
    if (bitOffset + bitSize - byteOffset * 8 <= byteSize * 8) return { byteOffset, byteSize, bitSize };
    if (byteSize >= 8) return failure('the bitfield does not fit an aligned load of 8 bytes', 'E2BIG');
  }
}
