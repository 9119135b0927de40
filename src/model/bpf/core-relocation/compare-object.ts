/**
 * Shows, record by record, what libbpf and what the kernel would make of an object: what somebody who moves an object from
 * a direct load to a light skeleton wants to see. Both sides start from the same pristine instructions; a record that is
 * refused does not keep the others from being shown.
 */
import { printAssembly } from '../assembly-print.ts';
import type { Btf } from '../btf/blob.ts';
import { RELOCATION_KINDS } from '../btf/core-record.ts';
import { decodeInstructions } from '../instruction.ts';
import {
  type Candidate,
  CandidateCache,
  type CandidateFinder,
  CandidatesPerLocalType,
  type TargetTypes,
} from './candidates.ts';
import { type PlacedRecord, placedRecords, rememberRecords } from './core-pass.ts';
import { LD_IMM64, ProgramImage } from './image.ts';
import { linkMains } from './link.ts';
import type { BpfObject } from './object.ts';
import { POISON_CALL, patchInstruction } from './patch.ts';
import { KERNEL_6_18, LIBBPF_1_8, type RelocationPolicy } from './policy.ts';
import { isRefusal, type Refusal } from './refusal.ts';
import { resolveRecord } from './resolve.ts';
import { spellAsC, spellType } from './spell-as-c.ts';

/** What one side makes of one record. */
export type RecordOutcome =
  /** As the disassembler shows it. */
  | { readonly kind: 'patched'; readonly instruction: string }
  /** Nothing was found: the instruction becomes a call no verifier accepts. */
  | { readonly kind: 'poisoned' }
  /** The whole object (early) or the load (late) fails. */
  | Refusal
  /** No loaded program contains the record's function, so the kernel never sees it. */
  | { readonly kind: 'not-loaded' }
  /** 6.18 does not look at the records of a load without func_info and line_info; clang writes both or neither. */
  | { readonly kind: 'ignored'; readonly instruction: string };

export interface RecordComparison {
  readonly program: string;
  /** From the program's first instruction. */
  readonly index: number;
  /** As the log names it; the number itself where it is no kind. */
  readonly kind: string;
  /** What the record asks for, as C. */
  readonly spelling: string;
  /** Id of the local type in the object's BTF. */
  readonly localType: number;
  readonly access: string | undefined;
  /** The instruction as the compiler left it. */
  readonly instruction: string;
  /** The kernel types libbpf tries, before any is dropped: id and C. */
  readonly candidates: readonly NamedType[];
  /** The same for the kernel, whose answer depends on what was asked before (known bug N1). */
  readonly lateCandidates: readonly NamedType[];
  readonly early: RecordOutcome;
  readonly late: RecordOutcome;
  /** Whether a light skeleton behaves as the direct load does, as far as this record goes. */
  readonly same: boolean;
}

interface NamedType {
  readonly id: number;
  readonly spelling: string;
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
    const ownId = RELOCATION_KINDS[record.kind] === 'local_type_id';
    const named = (finder: CandidateFinder) =>
      ownId ? [] : (finder.find(btf, record.typeId) ?? []).map((candidate) => nameOf(candidate));
    const instruction = instructionText(ProgramImage.copyOf(program.instructions), index);
    const candidates = named(early);
    const earlyOutcome = outcomeOf(placed, btf, early, LIBBPF_1_8);
    const seen = loaded.get(program.name);
    const lateCandidates = seen === 'relocated' ? named(late) : [];
    const lateOutcome: RecordOutcome =
      seen === undefined
        ? { kind: 'not-loaded' }
        : seen === 'ignored'
          ? { kind: 'ignored', instruction }
          : outcomeOf(placed, btf, late, KERNEL_6_18);
    comparisons.push({
      program: program.name,
      index,
      kind: RELOCATION_KINDS[record.kind] ?? `${record.kind}`,
      spelling: spellAsC(btf, record),
      localType: record.typeId,
      access: btf.string(record.accessOffset),
      instruction,
      candidates,
      lateCandidates,
      early: earlyOutcome,
      late: lateOutcome,
      same: sameOutcome(earlyOutcome, lateOutcome),
    });
  }
  return comparisons;
}

/** The main programs that are loaded and the subprograms appended to them, and whether 6.18 looks at their records. */
function loadedPrograms(object: BpfObject): Map<string, 'relocated' | 'ignored'> | Refusal {
  const remembered = rememberRecords(object);
  if (isRefusal(remembered)) return remembered;
  const linked = linkMains(remembered);
  if (isRefusal(linked)) return linked;
  const loaded = new Map<string, 'relocated' | 'ignored'>();
  for (const { main, appends, functionInfo } of linked) {
    for (const name of [main.name, ...appends.map(({ subprogram }) => subprogram)]) {
      if (functionInfo.length === 0) loaded.set(name, 'ignored');
      else if (!loaded.has(name)) loaded.set(name, 'relocated');
    }
  }
  return loaded;
}

function outcomeOf(placed: PlacedRecord, btf: Btf, finder: CandidateFinder, policy: RelocationPolicy): RecordOutcome {
  const { program, index, record } = placed;
  const resolution = resolveRecord(btf, record, finder, policy);
  if (isRefusal(resolution)) return resolution;
  const image = ProgramImage.copyOf(program.instructions);
  const refused = patchInstruction(image, index, resolution, policy);
  if (refused !== undefined) return refused;
  if (image.immediate(index) === POISON_CALL) return { kind: 'poisoned' };
  return { kind: 'patched', instruction: instructionText(image, index) };
}

/** One instruction, both slots of a 64-bit load. */
function instructionText(image: ProgramImage, index: number): string {
  if (index >= image.length) return 'no instruction';
  const slots = image.opcode(index) === LD_IMM64 && index + 1 < image.length ? 2 : 1;
  return printAssembly(decodeInstructions(image.bytes.subarray(8 * index, 8 * (index + slots)))!, 'plain').trimEnd();
}

const nameOf = ({ btf, typeId, visibleId }: Candidate): NamedType => ({
  id: visibleId,
  spelling: spellType(btf, typeId),
});

/** A function that is not loaded matters only where libbpf would have failed on it. */
function sameOutcome(early: RecordOutcome, late: RecordOutcome): boolean {
  if (late.kind === 'not-loaded') return !isRefusal(early);
  if (isRefusal(early) || isRefusal(late)) return early.kind === late.kind;
  if (late.kind === 'ignored') return early.kind === 'patched' && early.instruction === late.instruction;
  return JSON.stringify(early) === JSON.stringify(late);
}
