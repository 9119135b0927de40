/**
 * Whether two types are the same kind of thing (relo_core.c:__bpf_core_types_are_compat()), the question behind
 * TYPE_EXISTS, TYPE_SIZE and TYPE_ID_TARGET. Names were compared when candidates were searched.
 */
import type { Btf } from '../btf/blob.ts';
import type { BtfPrototype } from '../btf/type.ts';
import { kindsCompatible } from './kinds-compatible.ts';
import type { RelocationPolicy } from './policy.ts';
import { failure, type Refusal } from './refusal.ts';

/** Pointers and array dimensions followed in a row before a comparison gives up. */
export const CHAIN_LIMIT = 32;

export function typesCompatible(
  local: Btf,
  localId: number,
  target: Btf,
  targetId: number,
  policy: RelocationPolicy,
): boolean | Refusal {
  const left = local.type(localId);
  const right = target.type(targetId);
  if (left === undefined || right === undefined) return failure(`type ${localId} or ${targetId} does not exist`);
  if (!kindsCompatible(left, right)) return false;
  return compatibleAt(policy.matchDepth);

  /** `level` counts down at every function prototype that is entered for its parameters. */
  function compatibleAt(level: number, leftId = localId, rightId = targetId): boolean | Refusal {
    let ids: readonly [number, number] = [leftId, rightId];
    for (let steps = 0; steps < CHAIN_LIMIT; steps++) {
      const a = local.resolve(ids[0]);
      const b = target.resolve(ids[1]);
      if (a === undefined || b === undefined) return failure('modifiers run in a loop');
      if (!kindsCompatible(a, b)) return false;
      switch (a.kind) {
        case 'void':
        case 'struct':
        case 'union':
        case 'enum':
        case 'enum64':
        case 'fwd':
          return true;
        case 'int':
          return a.offsetBits === 0 && b.kind === 'int' && b.offsetBits === 0;
        case 'ptr':
          ids = [a.type, b.kind === 'ptr' ? b.type : 0];
          break;
        case 'array':
          ids = [a.elementType, b.kind === 'array' ? b.elementType : 0];
          break;
        case 'func_proto': {
          const answer = parametersCompatible(a, b as BtfPrototype, level);
          if (answer !== true) return answer;
          ids = [a.returnType, (b as BtfPrototype).returnType];
          break;
        }
        default:
          return unexpectedKind(a.kind, policy);
      }
    }
    return failure(`more than ${CHAIN_LIMIT} pointers or arrays in a row`);
  }

  function parametersCompatible(a: BtfPrototype, b: BtfPrototype, level: number): boolean | Refusal {
    if (a.parameters.length !== b.parameters.length) return false;
    for (const [index, { type }] of a.parameters.entries()) {
      if (level <= 0) return failure('function prototypes nest too deeply');
      const answer = compatibleAt(level - 1, type, b.parameters[index]!.type);
      if (answer !== true) return answer;
    }
    return true;
  }
}

/**
 * A FLOAT, FUNC, VAR, DATASEC or DECL_TAG reached a comparison that has no rule for it. libbpf warns and says no. The
 * kernel's warning macro takes its first argument for the log, and this call site passes a string there: the kernel
 * writes to a constant and dies with the candidate cache locked (hazard H1; seen on 6.18.44 with FLOAT).
 */
export function unexpectedKind(kind: string, policy: RelocationPolicy): boolean | Refusal {
  if (policy.unexpectedKind === 'mismatch') return false;
  return { kind: 'oops', reason: `a ${kind} reaches a type comparison that has no rule for it` };
}
