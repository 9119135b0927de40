import { fromHex, toHex } from '../base/bytes.ts';
import { type CoreInput, recordBytes, recordCount } from '../conform/core-case.ts';
import { type CoreRecord, readRecord } from '../model/bpf/btf/core-record.ts';
import { parseBtf } from '../model/bpf/btf/parse.ts';
import type { CoreLoad, CoreOutcome } from '../targets/live/core/core-load.ts';
import type { PriorQuestion } from '../targets/live/core/core-recorder.ts';

/** Cases of CO-RE recordings as loads that can be sent, and loads with their outcomes as lines of a recording. */

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

/** The line of a load whose records are all there and end in no tail. */
export function caseOfLoad(name: string, load: CoreLoad, prior: readonly PriorQuestion[]) {
  const types = parseBtf(load.btf);
  return {
    name,
    insns: toHex(load.instructions),
    map_insns: load.mapAddresses,
    btf: toHex(load.btf),
    func_info: load.functionInfo.map(({ index, typeId }) => [index, typeId] as const),
    relos: recordsOf(load).map(({ instructionOffset, typeId, accessOffset, kind }) => ({
      off: instructionOffset,
      type: typeId,
      acc_off: accessOffset,
      acc: types.string(accessOffset),
      kind,
    })),
    rec_size: load.records.recordSize,
    prior: prior.length > 0 ? prior : undefined,
  };
}

export const recordsOf = ({ records }: CoreLoad): readonly CoreRecord[] =>
  Array.from({ length: records.count }, (_, number) => readRecord(records.bytes, number * records.recordSize));

/** An outcome as recordings have it. */
export function lateOf(outcome: CoreOutcome) {
  switch (outcome.kind) {
    case 'loaded':
      return { source: 'kernel', ok: true, xlated: toHex(outcome.image), log: told(outcome.log) };
    case 'refused':
      return outcome.of === 'types'
        ? { source: 'kernel', btf_load: outcome.errno, log: told(outcome.log) }
        : { source: 'kernel', ok: false, errno: outcome.errno, log: told(outcome.log) };
    case 'withheld':
      return { source: 'kernel', skipped: `never sent: ${outcome.why.replace(/^record \d+: /, '')}` };
  }
}

/** The relocation lines of a log, and the last of the others: why a load was refused. */
function told(log: string): readonly string[] {
  const lines = log.split('\n').filter((line) => line !== '' && !NOISE.test(line));
  const about = lines.filter((line) => line.includes('relo #'));
  const rest = lines.filter((line) => !line.includes('relo #'));
  return [...about.slice(0, MOST_LINES), ...rest.slice(-1)];
}

/** What the verifier says of every program: states, the caches, and how much work it was. */
const NOISE =
  /^(func#|\s*\d+: |vmlinux_cand|module_cand|Live regs|processed|verification time|stack depth|CO-RE relocating|;|from \d+|mark_precise|R\d+=)/;
const MOST_LINES = 12;
