/**
 * Finds a local access path again in a candidate type, by names (relo_core.c:bpf_core_spec_match() and
 * bpf_core_match_member()): members are searched depth first in the order they stand, through anonymous members, and
 * the first equal name decides, fitting or not.
 */

import type { Btf } from '../btf/blob.ts';
import { subjectOf } from '../btf/core-record.ts';
import { essentialName } from '../btf/essential-name.ts';
import { isAnyEnum, isComposite } from '../btf/type.ts';
import { type Accessor, type AccessPath, elementBits, hasElement, LONGEST_PATH } from './access.ts';
import type { Candidate } from './candidates.ts';
import { kindsCompatible, namesMatch } from './kinds-compatible.ts';
import type { RelocationPolicy } from './policy.ts';
import { failure, isRefusal, type Refusal } from './refusal.ts';
import { typeSize } from './type-size.ts';
import { typesCompatible } from './types-compatible.ts';
import { typesMatch } from './types-match.ts';

/** The candidate's path; undefined where the candidate does not fit. */
export function matchPath(
  local: AccessPath,
  kind: number,
  candidate: Candidate,
  policy: RelocationPolicy,
): AccessPath | undefined | Refusal {
  const { btf, typeId } = candidate;
  const wholeRoot: AccessPath = { btf, rootType: typeId, accessors: [], bitOffset: 0 };
  switch (subjectOf(kind)) {
    case 'type': {
      const compare = kind === 12 ? typesMatch : typesCompatible;
      const answer = compare(local.btf, local.rootType, btf, typeId, policy);
      return isRefusal(answer) ? answer : answer ? wholeRoot : undefined;
    }
    case 'enumerator':
      return matchEnumerator(local.accessors[0]!, wholeRoot);
    case 'field':
      return new FieldSearch(local.btf, btf, policy).match(local, wholeRoot);
    default:
      return failure(`relocation kind ${kind} is unknown`);
  }
}

function matchEnumerator(wanted: Accessor, root: AccessPath): AccessPath | undefined {
  const type = root.btf.resolve(root.rootType);
  if (type === undefined || !isAnyEnum(type)) return undefined;
  const index = type.enumerators.findIndex(({ name }) => namesMatch(name, wanted.name ?? ''));
  if (index < 0) return undefined;
  return { ...root, accessors: [{ typeId: type.id, index, name: type.enumerators[index]!.name }] };
}

/** The search for one path in one candidate. */
class FieldSearch {
  readonly #local: Btf;
  readonly #target: Btf;
  readonly #policy: RelocationPolicy;
  readonly #accessors: Accessor[] = [];
  #bitOffset = 0;
  /** Raw steps taken, anonymous members included: what the 64 of BPF_CORE_SPEC_MAX_LEN limits. */
  #steps = 0;

  constructor(local: Btf, target: Btf, policy: RelocationPolicy) {
    this.#local = local;
    this.#target = target;
    this.#policy = policy;
  }

  match(path: AccessPath, root: AccessPath): AccessPath | undefined | Refusal {
    let typeId = root.rootType;
    for (const [position, accessor] of path.accessors.entries()) {
      const next =
        accessor.name === undefined ? this.#element(typeId, accessor, position) : this.#member(typeId, accessor);
      if (next === undefined || isRefusal(next)) return next;
      typeId = next;
    }
    return { ...root, accessors: this.#accessors, bitOffset: this.#bitOffset };
  }

  /** Takes an array element. The first accessor is the root itself, seen as an element of an array of roots. */
  #element(typeId: number, { index }: Accessor, position: number): number | undefined | Refusal {
    let element = this.#target.skipModifiers(typeId);
    if (position > 0) {
      const array = this.#target.resolve(typeId);
      if (array?.kind !== 'array') return undefined;
      if (!hasElement(this.#target, array, index, this.#accessors.at(-1)!)) return undefined;
      element = this.#target.skipModifiers(array.elementType);
    }
    if (element === undefined) return failure('modifiers run in a loop');
    if (this.#steps === LONGEST_PATH) return tooDeep;
    this.#accessors.push({ typeId: element, index, name: undefined });
    this.#steps += 1;
    const size = typeSize(this.#target, element, this.#policy);
    if (size === undefined) return failure(`target type [${element}] has no size`);
    this.#advance(elementBits(index, size));
    return element;
  }

  /**
   * Takes the member of this name and gives its type. After a misfit found inside an anonymous member the steps and bits
   * of the inner walk are not taken back (recorded upstream behaviour N4; C types cannot show it).
   */
  #member(typeId: number, wanted: Accessor): number | undefined | Refusal {
    const composite = this.#target.resolve(typeId);
    if (composite === undefined || !isComposite(composite)) return undefined;
    for (const [index, member] of composite.members.entries()) {
      if (this.#steps === LONGEST_PATH) return tooDeep;
      this.#advance(member.offsetBits);
      this.#steps += 1;
      if (member.name === '') {
        const found = this.#member(member.type, wanted);
        if (found !== undefined) return found;
      } else if (member.name === wanted.name) {
        const fits = fieldsCompatible(this.#local, this.#memberType(wanted), this.#target, member.type);
        if (isRefusal(fits)) return fits;
        if (!fits) return undefined;
        this.#accessors.push({ typeId: composite.id, index, name: member.name });
        return member.type;
      }
      this.#advance(-member.offsetBits);
      this.#steps -= 1;
    }
    return undefined;
  }

  #memberType({ typeId, index }: Accessor): number {
    const owner = this.#local.type(typeId)!;
    return isComposite(owner) ? owner.members[index]!.type : 0;
  }

  #advance(bits: number): void {
    this.#bitOffset = (this.#bitOffset + bits) >>> 0;
  }
}

const tooDeep = failure(`the target path is longer than ${LONGEST_PATH} steps`, 'E2BIG');

/**
 * Whether a target field may stand for a local one (relo_core.c:bpf_core_fields_are_compat()): composites always, sizes
 * and signs of integers do not matter, arrays are judged by their elements.
 */
function fieldsCompatible(local: Btf, localId: number, target: Btf, targetId: number): boolean | Refusal {
  let ids: readonly [number, number] = [localId, targetId];
  for (let steps = 0; steps <= local.typeCount; steps++) {
    const left = local.resolve(ids[0]);
    const right = target.resolve(ids[1]);
    if (left === undefined || right === undefined) return failure('modifiers run in a loop');
    if (isComposite(left) && isComposite(right)) return true;
    if (!kindsCompatible(left, right)) return false;
    if (left.kind === 'array' && right.kind === 'array') {
      ids = [left.elementType, right.elementType];
      continue;
    }
    if (left.kind === 'int' && right.kind === 'int') return left.offsetBits === 0 && right.offsetBits === 0;
    if (left.kind === 'fwd' || isAnyEnum(left)) {
      const names = [essentialName(left.name), essentialName(right.name)];
      return names.includes('') || names[0] === names[1];
    }
    return left.kind === 'ptr' || left.kind === 'float';
  }
  return failure('arrays run in a loop');
}
