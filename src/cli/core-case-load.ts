import { fromHex } from '../base/bytes.ts';
import { type CoreInput, recordBytes, recordCount } from '../conform/core-case.ts';
import type { CoreLoad } from '../targets/live/core/core-load.ts';

/** A case of a recording as a load that can be sent. */
export function loadOfCase(input: CoreInput): CoreLoad {
  return {
    instructions: fromHex(input.insns)!,
    mapAddresses: input.map_insns,
    btf: fromHex(input.btf)!,
    functionInfo: input.func_info.map(([index, typeId]) => ({ index, typeId })),
    lineInfo: input.line_info ?? [],
    records: { bytes: recordBytes(input), count: recordCount(input), recordSize: input.rec_size },
  };
}
