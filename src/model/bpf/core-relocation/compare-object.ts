/**
 * Shows, record by record, what libbpf and what the kernel would make of an object: what somebody who moves an object from
 * a direct load to a light skeleton wants to see. Both sides start from the same pristine instructions; a record that is
 * refused does not keep the others from being shown.
 */
import { toHex } from '../../../base/bytes.ts';
import type { Btf } from '../btf/blob.ts';
import { RELOCATION_KINDS } from '../btf/core-record.ts';
import { CandidateCache, type CandidateFinder, CandidatesPerLocalType, type TargetTypes } from './candidates.ts';
import { type PlacedRecord, placedRecords, rememberRecords } from './core-pass.ts';
import { LD_IMM64, ProgramImage } from './image.ts';
import { linkMains } from './link.ts';
import type { BpfObject } from './object.ts';
import { POISON_CALL, patchInstruction } from './patch.ts';
import { KERNEL_6_18, LIBBPF_1_8, type RelocationPolicy } from './policy.ts';
import { isRefusal, type Refusal } from './refusal.ts';
import { resolveRecord } from './resolve.ts';

/** What one side makes of one record. */
type RecordOutcome =
  /** In hexadecimal, both slots of a 64-bit load. */
  | { readonly kind: 'patched'; readonly instruction: string }
  /** Nothing was found: the instruction becomes a call no verifier accepts. */
  | { readonly kind: 'poisoned' }
  /** The whole object (early) or the load (late) fails. */
  | Refusal
  /** No loaded program contains the record's function, so the kernel never sees it. */
  | { readonly kind: 'not-loaded' };

export interface RecordComparison {
  readonly program: string;
  /** From the program's first instruction. */
  readonly index: number;
  /** As the log names it; the number itself where it is no kind. */
  readonly kind: string;
  /** Kind, name and id of the local type. */
  readonly localType: string;
  readonly access: string | undefined;
  /** Ids of the kernel types libbpf tries, before any is dropped. */
  readonly candidates: readonly number[];
  readonly early: RecordOutcome;
  readonly late: RecordOutcome;
  /** Whether a light skeleton behaves as the direct load does, as far as this record goes. */
  readonly same: boolean;
}

/** Compares every record that belongs to a loaded program or a subprogram, in file order; a misplaced one ends the list. */
export function compareObject(object: BpfObject, target: TargetTypes): RecordComparison[] | Refusal {
  const { btf } = object;
  const loaded = loadedPrograms(object);
  if (isRefusal(loaded)) return loaded;
  const early = new CandidatesPerLocalType(target, LIBBPF_1_8);
  const late = new CandidateCache(target, KERNEL_6_18);
  const comparisons: RecordComparison[] = [];
  for (const placed of placedRecords(object)) {
    if (isRefusal(placed) || btf === undefined) break;
    const { program, index, record } = placed;
    const candidates = (early.find(btf, record.typeId) ?? []).map(({ visibleId }) => visibleId);
    const earlyOutcome = outcomeOf(placed, btf, early, LIBBPF_1_8);
    const lateOutcome: RecordOutcome = loaded.has(program.name)
      ? outcomeOf(placed, btf, late, KERNEL_6_18)
      : { kind: 'not-loaded' };
    comparisons.push({
      program: program.name,
      index,
      kind: RELOCATION_KINDS[record.kind] ?? `${record.kind}`,
      localType: describeType(btf, record.typeId),
      access: btf.string(record.accessOffset),
      candidates,
      early: earlyOutcome,
      late: lateOutcome,
      same: sameOutcome(earlyOutcome, lateOutcome),
    });
  }
  return comparisons;
}

/** Names of the main programs that are loaded and of the subprograms appended to them. */
function loadedPrograms(object: BpfObject): Set<string> | Refusal {
  const remembered = rememberRecords(object);
  if (isRefusal(remembered)) return remembered;
  const linked = linkMains(remembered);
  if (isRefusal(linked)) return linked;
  return new Set(linked.flatMap(({ main, appends }) => [main.name, ...appends.map(({ subprogram }) => subprogram)]));
}

function outcomeOf(placed: PlacedRecord, btf: Btf, finder: CandidateFinder, policy: RelocationPolicy): RecordOutcome {
  const { program, index, record } = placed;
  const resolution = resolveRecord(btf, record, finder, policy);
  if (isRefusal(resolution)) return resolution;
  const image = ProgramImage.copyOf(program.instructions);
  const refused = patchInstruction(image, index, resolution, policy);
  if (refused !== undefined) return refused;
  if (image.immediate(index) === POISON_CALL) return { kind: 'poisoned' };
  const slots = image.opcode(index) === LD_IMM64 ? 2 : 1;
  return { kind: 'patched', instruction: toHex(image.bytes.subarray(8 * index, 8 * (index + slots))) };
}

function describeType(btf: Btf, id: number): string {
  const type = btf.type(id);
  return type === undefined ? `[${id}]` : `${type.kind} ${type.name || '(anonymous)'} [${id}]`;
}

/** A function that is not loaded matters only where libbpf would have failed on it. */
function sameOutcome(early: RecordOutcome, late: RecordOutcome): boolean {
  if (late.kind === 'not-loaded') return !isRefusal(early);
  if (isRefusal(early) || isRefusal(late)) return early.kind === late.kind;
  return JSON.stringify(early) === JSON.stringify(late);
}
