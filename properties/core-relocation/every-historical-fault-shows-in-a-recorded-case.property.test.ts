import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import type { CoreInput } from '../../src/conform/core-case.ts';
import { caseObject } from '../../src/conform/core-case-object.ts';
import { lateOutcome } from '../../src/conform/core-recording.ts';
import { RecordedTargets, targetLines } from '../../src/conform/core-targets.ts';
import { BtfBuilder } from '../../src/model/bpf/btf/build.ts';
import { parseBtf } from '../../src/model/bpf/btf/parse.ts';
import { searchCandidates, targetFrom } from '../../src/model/bpf/core-relocation/candidates.ts';
import { relocateEarly } from '../../src/model/bpf/core-relocation/early.ts';
import { HISTORICAL_FAULTS } from '../../src/model/bpf/core-relocation/historical-faults.ts';
import { KERNEL_6_18, LIBBPF_1_8, type RelocationPolicy } from '../../src/model/bpf/core-relocation/policy.ts';
import { isRefusal } from '../../src/model/bpf/core-relocation/refusal.ts';
import { resolveRecord } from '../../src/model/bpf/core-relocation/resolve.ts';
import { goldenCompanions, goldenLines } from './golden-files.ts';

const lines = goldenLines('core-late-derived.jsonl.gz') as readonly CoreInput[] | undefined;

/** What both sides make of a case under a policy with one decision replaced. */
function outcomes(input: CoreInput, targets: RecordedTargets, decision: Partial<RelocationPolicy>): string {
  const early = relocateEarly(caseObject(input), targets, { ...LIBBPF_1_8, ...decision });
  const late = lateOutcome(input, targets, { ...KERNEL_6_18, ...decision });
  const images = isRefusal(early) ? early.kind : early.map(({ image }) => toHex(image)).join();
  return `${images} ${isRefusal(late) ? late.kind : toHex(late.image)}`;
}

describe('every historical fault shows in a recorded case', () => {
  const targets = lines && new RecordedTargets(targetLines(goldenCompanions));
  /** Cases of at most eight instructions. */
  const short = lines?.filter(({ insns }) => insns.length <= 8 * 16) ?? [];
  const right = new Map<CoreInput, string>();
  const rightOutcomes = (input: CoreInput): string => {
    const known = right.get(input) ?? outcomes(input, targets!, {});
    right.set(input, known);
    return known;
  };
  // The recording holds no negative index, because older kernels do not survive one; see the last test.
  for (const fault of HISTORICAL_FAULTS.filter(({ decision }) => decision.negativeIndexes === undefined)) {
    test.skipIf(lines === undefined)(fault.name, () => {
      const shows = (input: CoreInput): boolean => outcomes(input, targets!, fault.decision) !== rightOutcomes(input);
      expect(short.find(shows)?.name).toBeDefined();
    });
  }

  test('negative-index-accepted', () => {
    const builder = new BtfBuilder();
    builder.add({ kind: 'struct', name: 's', sizeBytes: 4, hasBitfields: false, members: [] });
    const accessOffset = builder.string('0:-1');
    const btf = parseBtf(builder.bytes());
    const record = { instructionOffset: 0, typeId: 1, accessOffset, kind: 0 };
    const ask = (policy: RelocationPolicy) =>
      resolveRecord(btf, record, { find: (local, id) => searchCandidates(targetFrom(btf), local, id, policy) }, policy);
    const { decision } = HISTORICAL_FAULTS.find(({ name }) => name === 'negative-index-accepted')!;
    expect(ask(KERNEL_6_18)).toMatchObject({ kind: 'failure', errno: 'EINVAL' });
    expect(ask({ ...KERNEL_6_18, ...decision })).toMatchObject({ kind: 'oops' });
  });
});
