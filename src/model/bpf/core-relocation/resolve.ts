/**
 * Decides one record (relo_core.c:bpf_core_calc_relo_insn()): parse the access, try every candidate, demand that all that
 * fit agree. The same function serves libbpf and the kernel; the policy and the candidates make the difference.
 */

import type { Btf } from '../btf/blob.ts';
import { type CoreRecord, RELOCATION_KINDS } from '../btf/core-record.ts';
import { parseAccess } from './access.ts';
import type { Candidate, CandidateFinder } from './candidates.ts';
import { type Resolution, resolveValues } from './compute.ts';
import { matchPath } from './match.ts';
import type { RelocationPolicy } from './policy.ts';
import { failure, isRefusal, type Refusal } from './refusal.ts';

export function resolveRecord(
  local: Btf,
  record: CoreRecord,
  finder: CandidateFinder,
  policy: RelocationPolicy,
): Resolution | Refusal {
  if (local.type(record.typeId) === undefined) return failure(`local type ${record.typeId} does not exist`);
  const ownId = RELOCATION_KINDS[record.kind] === 'local_type_id';
  // The search comes before the access string is read, so a bad string still leaves its name in the kernel's cache.
  const candidates = ownId ? [] : finder.find(local, record.typeId);
  if (candidates === undefined) return failure(`no candidates can be searched for local type ${record.typeId}`);
  const path = parseAccess(local, record, policy);
  if (isRefusal(path)) return path;
  if (ownId) {
    const value = BigInt(record.typeId);
    return { oldValue: value, newValue: value, ...UNCHECKED, validate: policy.validatesTypeIds };
  }
  const matches: { readonly candidate: Candidate; readonly bitOffset: number; readonly resolution: Resolution }[] = [];
  for (const candidate of candidates) {
    const target = matchPath(path, record.kind, candidate, policy);
    if (isRefusal(target)) return target;
    if (target === undefined) continue;
    const resolution = resolveValues(record.kind, path, { path: target, visibleId: candidate.visibleId }, policy);
    if (isRefusal(resolution)) return resolution;
    const [first] = matches;
    const compares = first !== undefined && policy.ambiguity === 'refused';
    if (compares && first.bitOffset !== target.bitOffset)
      return failure(`field offset ambiguity: ${first.bitOffset} != ${target.bitOffset}`);
    if (compares && !sameDecision(first.resolution, resolution))
      return failure(`relocation decision ambiguity: ${first.resolution.newValue} != ${resolution.newValue}`);
    matches.push({ candidate, bitOffset: target.bitOffset, resolution });
  }
  const [first] = matches;
  if (first === undefined) return resolveValues(record.kind, path, undefined, policy);
  if (policy.prunesCandidates) candidates.splice(0, candidates.length, ...matches.map(({ candidate }) => candidate));
  return first.resolution;
}

const sameDecision = (left: Resolution, right: Resolution): boolean =>
  left.poison === right.poison && left.newValue === right.newValue;

const UNCHECKED = { poison: false, validate: false, oldSize: 0, newSize: 0, sizeCannotAdjust: false } as const;
