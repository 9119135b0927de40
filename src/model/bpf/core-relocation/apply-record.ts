/** One record, from question to patched instruction: what libbpf and the kernel both do for each, with their own policies. */
import type { Btf } from '../btf/blob.ts';
import type { CoreRecord } from '../btf/core-record.ts';
import type { CandidateFinder } from './candidates.ts';
import type { ProgramImage } from './image.ts';
import { patchInstruction } from './patch.ts';
import type { RelocationPolicy } from './policy.ts';
import { isRefusal, type Refusal } from './refusal.ts';
import { resolveRecord } from './resolve.ts';

/** A record and all that is needed to apply it. */
export interface Application {
  readonly image: ProgramImage;
  /** The instruction to be patched; it lies in the image. */
  readonly index: number;
  readonly record: CoreRecord;
  /** The types that the record speaks of. */
  readonly btf: Btf;
  readonly finder: CandidateFinder;
  readonly policy: RelocationPolicy;
}

/** Patches the image in place; undefined when that worked, poisoning included. */
export function applyRecord({ image, index, record, btf, finder, policy }: Application): Refusal | undefined {
  const resolution = resolveRecord(btf, record, finder, policy);
  return isRefusal(resolution) ? resolution : patchInstruction(image, index, resolution, policy);
}
