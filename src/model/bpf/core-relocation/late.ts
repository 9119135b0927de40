/**
 * The late pipeline: BPF_PROG_LOAD with core_relos, as a light skeleton's loader issues it (kernel/bpf/verifier.c:
 * check_core_relo(), kernel/bpf/btf.c:bpf_core_apply()). Records are judged and applied one after the other on the
 * kernel's own copy of the program.
 */

import type { Btf } from '../btf/blob.ts';
import { RECORD_BYTES, readRecord } from '../btf/core-record.ts';
import { applyRecord } from './apply-record.ts';
import type { CandidateFinder } from './candidates.ts';
import { ProgramImage } from './image.ts';
import type { RelocationPolicy } from './policy.ts';
import { type Failure, failure, type Refusal } from './refusal.ts';
import { checkBeforeRelocation, type LoadContext, type Loaded, verifyAfterRelocation } from './verifier/load.ts';

/** Most records one load may carry: INT_MAX / 16. */
const MOST_RECORDS = 134_217_727;
/** Largest record: 252 bytes; a longer one than 16 must end in zeros. */
const LARGEST_RECORD = 252;

/** The CO-RE part of a load's attributes. */
export interface RecordArray {
  /** The memory core_relos points to. */
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly recordSize: number;
}

export interface LateLoad extends LoadContext {
  readonly instructions: Uint8Array;
  readonly btf: Btf;
  readonly hasLineInfo: boolean;
  readonly records: RecordArray;
}

/** A kernel that relocates. The finder outlives the load: on a real kernel it is the cache all programs share. */
export interface LateKernel {
  readonly policy: RelocationPolicy;
  readonly finder: CandidateFinder;
  /**
   * When a load's records are looked at. Up to 6.18 after the functions were checked, and only in a load that passes
   * func_info or line_info: without, it goes through unrelocated. Since c26e97721b17 (September 2026) first of all.
   */
  readonly relocates: 'after-functions-with-debug-info' | 'first';
  /** How one record is applied, where it is not as usual. */
  readonly apply?: typeof applyRecord;
}

/** Where a load ended, and the kernel's copy of the program as it was then. */
export interface LateAttempt {
  readonly stage: 'functions' | 'relocation' | 'verifier';
  readonly image: Uint8Array;
  readonly result: Loaded | Refusal;
}

export const loadLate = (load: LateLoad, kernel: LateKernel): Loaded | Refusal => attemptLate(load, kernel).result;

export function attemptLate(load: LateLoad, kernel: LateKernel): LateAttempt {
  const image = ProgramImage.copyOf(load.instructions);
  const { bytes } = image;
  const looked = kernel.relocates === 'first' || load.functionInfo.length > 0 || load.hasLineInfo;
  const stages = [
    { stage: 'functions', check: () => checkBeforeRelocation(image, load) },
    { stage: 'relocation', check: () => (looked ? relocateLate(image, load.btf, load.records, kernel) : undefined) },
  ] as const;
  for (const { stage, check } of kernel.relocates === 'first' ? stages.toReversed() : stages) {
    const refused = check();
    if (refused !== undefined) return { stage, image: bytes, result: refused };
  }
  return { stage: 'verifier', image: bytes, result: verifyAfterRelocation(image, load) };
}

/** Applies a record array to an image in place; undefined when every record went through. */
export function relocateLate(
  image: ProgramImage,
  btf: Btf,
  records: RecordArray,
  { policy, finder, apply = applyRecord }: Pick<LateKernel, 'policy' | 'finder' | 'apply'>,
): Refusal | undefined {
  const { bytes, count, recordSize } = records;
  if (count === 0) return undefined;
  if (count > MOST_RECORDS) return failure(`${count} records are too many`);
  if (recordSize < RECORD_BYTES || recordSize > LARGEST_RECORD || recordSize % 4 !== 0)
    return failure(`a record cannot have ${recordSize} bytes`);
  for (let number = 0; number < count; number++) {
    const at = number * recordSize;
    const bad = checkRecordBytes(bytes, at, recordSize);
    if (bad !== undefined) return bad;
    const record = readRecord(bytes, at);
    const index = record.instructionOffset / 8;
    if (!Number.isInteger(index) || index >= image.length)
      return failure(`record ${number} is for byte ${record.instructionOffset} of ${image.length} instructions`);
    const refused = apply({ image, index, record, btf, finder, policy });
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function checkRecordBytes(bytes: Uint8Array, at: number, recordSize: number): Failure | undefined {
  if (at + recordSize > bytes.length) return failure('the record array cannot be read', 'EFAULT');
  const tail = bytes.subarray(at + RECORD_BYTES, at + recordSize);
  return tail.some((byte) => byte !== 0) ? failure('nonzero tailing record in core_relo', 'E2BIG') : undefined;
}
