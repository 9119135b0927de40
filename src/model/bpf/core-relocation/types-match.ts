/**
 * Whether a local type is a faithful part of a target one (relo_core.c:bpf_core_types_match()), the question behind
 * TYPE_MATCHES: names equal at every level but for flavours, sizes and signs equal, every local member found in the target.
 */
import type { Btf } from '../btf/blob.ts';
import {
  type BtfComposite,
  type BtfEnum,
  type BtfForward,
  type BtfPrototype,
  type BtfType,
  isAnyEnum,
  isComposite,
} from '../btf/type.ts';
import { namesMatch } from './kinds-compatible.ts';
import type { RelocationPolicy } from './policy.ts';
import { failure, type Refusal } from './refusal.ts';
import { CHAIN_LIMIT, unexpectedKind } from './types-compatible.ts';

export function typesMatch(
  local: Btf,
  localId: number,
  target: Btf,
  targetId: number,
  policy: RelocationPolicy,
): boolean | Refusal {
  return matchAt(localId, targetId, false, policy.matchDepth);

  /** `level` counts down at every member and parameter; `behindPointer` stays set once a pointer was followed. */
  function matchAt(leftId: number, rightId: number, pointed: boolean, level: number): boolean | Refusal {
    if (level <= 0) return failure('types nest too deeply');
    let ids: readonly [number, number] = [leftId, rightId];
    let behindPointer = pointed;
    for (let steps = 0; steps < CHAIN_LIMIT; steps++) {
      const a = local.resolve(ids[0]);
      const b = target.resolve(ids[1]);
      if (a === undefined || b === undefined) return failure('modifiers run in a loop');
      if (!namesMatch(a.name, b.name)) return false;
      if (a.kind === 'fwd') return forwardMatches(a, b, behindPointer);
      if (isAnyEnum(a)) return isAnyEnum(b) && enumMatches(a, b);
      if (isComposite(a)) {
        if (behindPointer) return pointedCompositeMatches(a, b);
        return a.kind === b.kind && membersMatch(a, b as BtfComposite, behindPointer, level);
      }
      if (a.kind === 'void') return b.kind === 'void';
      if (a.kind === 'int')
        return b.kind === 'int' && a.sizeBytes === b.sizeBytes && (a.encoding & 1) === (b.encoding & 1);
      if (a.kind === 'ptr') {
        if (b.kind !== 'ptr') return false;
        behindPointer = true;
        ids = [a.type, b.type];
      } else if (a.kind === 'array') {
        if (b.kind !== 'array' || a.length !== b.length) return false;
        ids = [a.elementType, b.elementType];
      } else if (a.kind === 'func_proto') {
        if (b.kind !== 'func_proto') return false;
        const answer = parametersMatch(a, b, behindPointer, level);
        if (answer !== true) return answer;
        ids = [a.returnType, b.returnType];
      } else return unexpectedKind(a.kind, policy);
    }
    return failure(`more than ${CHAIN_LIMIT} pointers or arrays in a row`);
  }

  function membersMatch(a: BtfComposite, b: BtfComposite, behindPointer: boolean, level: number): boolean | Refusal {
    if (a.members.length > b.members.length) return false;
    for (const wanted of a.members) {
      let matched = false;
      for (const member of b.members) {
        if (!namesMatch(wanted.name, member.name)) continue;
        const answer = matchAt(wanted.type, member.type, behindPointer, level - 1);
        if (typeof answer !== 'boolean' && (answer.kind === 'oops' || policy.nestingInMembers === 'error'))
          return answer;
        if (answer === true) {
          matched = true;
          break;
        }
      }
      if (!matched) return false;
    }
    return true;
  }

  function parametersMatch(a: BtfPrototype, b: BtfPrototype, behindPointer: boolean, level: number): boolean | Refusal {
    if (a.parameters.length !== b.parameters.length) return false;
    for (const [index, { type }] of a.parameters.entries()) {
      const answer = matchAt(type, b.parameters[index]!.type, behindPointer, level - 1);
      if (answer !== true) return answer;
    }
    return true;
  }
}

/** Behind a pointer a forward declaration may stand for the full type it announces. */
function forwardMatches(a: BtfForward, b: BtfType, behindPointer: boolean): boolean {
  if (b.kind === 'fwd') return a.isUnion === b.isUnion;
  return behindPointer && b.kind === (a.isUnion ? 'union' : 'struct');
}

/** Behind a pointer only name and kind count, and the target may be a forward declaration. */
function pointedCompositeMatches(a: BtfComposite, b: BtfType): boolean {
  if (b.kind === 'fwd') return b.isUnion === (a.kind === 'union');
  return a.kind === b.kind;
}

function enumMatches(a: BtfEnum, b: BtfEnum): boolean {
  if (a.sizeBytes !== b.sizeBytes || a.enumerators.length > b.enumerators.length) return false;
  return a.enumerators.every(({ name }) => b.enumerators.some((other) => namesMatch(name, other.name)));
}
