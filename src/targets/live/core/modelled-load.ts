import { parseBtf } from '../../../model/bpf/btf/parse.ts';
import type { applyRecord } from '../../../model/bpf/core-relocation/apply-record.ts';
import type { CandidateFinder } from '../../../model/bpf/core-relocation/candidates.ts';
import { loadLate } from '../../../model/bpf/core-relocation/late.ts';
import type { Refusal } from '../../../model/bpf/core-relocation/refusal.ts';
import type { Loaded } from '../../../model/bpf/core-relocation/verifier/load.ts';
import type { CoreProfile } from '../../../model/bpf/core-relocation/world/profile.ts';
import { type CoreLoad, MAP_VALUE_BYTES } from './core-load.ts';

/** How a version of the kernel relocates, or how it would with a fault. */
export interface ModelledKernel extends Pick<CoreProfile, 'kernel' | 'relocates'> {
  readonly apply?: typeof applyRecord;
}

/**
 * The same load on the model of a kernel. What the finder learns stays with it, as with the running kernel's cache. Throws a
 * BtfError where the types cannot be read.
 */
export function onModel(load: CoreLoad, kernel: ModelledKernel, finder: CandidateFinder): Loaded | Refusal {
  return loadLate(
    {
      instructions: load.instructions,
      btf: parseBtf(load.btf),
      functionInfo: load.functionInfo.map(({ index }) => index),
      hasLineInfo: load.lineInfo.length > 0,
      mapValueBytes: MAP_VALUE_BYTES,
      records: load.records,
    },
    { policy: kernel.kernel, finder, ...kernel },
  );
}
