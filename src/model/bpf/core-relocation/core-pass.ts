/**
 * libbpf's pass over the CO-RE records of an object (libbpf.c:bpf_object__relocate_core()), in file order: each finds its
 * program and is remembered there; what else happens to it is the business of the pipeline.
 */

import type { CoreRecord } from '../btf/core-record.ts';
import { type BpfObject, type BpfProgram, programAt, type Relocation, sortedRelocations } from './object.ts';
import { failure, isRefusal, type Refusal } from './refusal.ts';

/** A record in the program it belongs to. */
export interface PlacedRecord {
  readonly program: BpfProgram;
  /** From the program's first instruction. */
  readonly index: number;
  readonly record: CoreRecord;
}

/** What the pass decides about a record. */
export interface CorePass {
  /** The program that a section's instruction lies in; undefined where a weak copy was eliminated. */
  readonly findProgram: (object: BpfObject, sectionIndex: number, index: number) => BpfProgram | undefined | Refusal;
  /** Whether the records of a program are looked at. */
  readonly isRelocated: (program: BpfProgram) => boolean;
}

/** libbpf v1.8. */
export const CORE_PASS: CorePass = { findProgram: programAt, isRelocated: ({ autoload }) => autoload };

/**
 * Finds the program of each record, in file order. Records of eliminated weak copies (no program has the instruction)
 * and of programs that are not loaded are passed over; the first record that is not on an instruction boundary ends it.
 */
export function* placedRecords(object: BpfObject, pass: CorePass = CORE_PASS): Generator<PlacedRecord | Refusal> {
  for (const { sectionIndex, records } of object.coreRelocations) {
    for (const record of records) {
      if (record.instructionOffset % 8 !== 0) {
        yield failure(`record at byte ${record.instructionOffset} is misplaced`);
        return;
      }
      const program = pass.findProgram(object, sectionIndex, record.instructionOffset / 8);
      if (isRefusal(program)) {
        yield program;
        return;
      }
      if (program === undefined || !pass.isRelocated(program)) continue;
      yield { program, index: record.instructionOffset / 8 - program.sectionStart, record };
    }
  }
}

/** The object with its records among the relocations of their programs: all that happens to them on the late way. */
export function rememberRecords(object: BpfObject, pass: CorePass = CORE_PASS): BpfObject | Refusal {
  const byProgram = new Map<BpfProgram, Relocation[]>();
  for (const placed of placedRecords(object, pass)) {
    if (isRefusal(placed)) return placed;
    const { program, index, record } = placed;
    const own = byProgram.get(program) ?? [];
    byProgram.set(program, own);
    own.push({ kind: 'core', index, record });
  }
  const programs = object.programs.map((program) => ({
    ...program,
    relocations: sortedRelocations([...program.relocations, ...(byProgram.get(program) ?? [])]),
  }));
  return { ...object, programs };
}
