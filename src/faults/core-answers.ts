/** Faults in answering and patching: relo_core.c, which libbpf and the kernel share, and what the kernel does around it. */
import { type Fault, fault } from '../language/fault.ts';
import { RELOCATION_KINDS } from '../model/bpf/btf/core-record.ts';
import type { Application } from '../model/bpf/core-relocation/apply-record.ts';
import { LD_IMM64 } from '../model/bpf/core-relocation/image.ts';
import type { RelocationPolicy } from '../model/bpf/core-relocation/policy.ts';
import type { Refusal } from '../model/bpf/core-relocation/refusal.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';

const HERE = { kernel: '6.18', suite: 'core-relocation' } as const;
const AFTER = { kernel: 'core-after-6.18', suite: 'core-relocation' } as const;

/** One decision of the shared code, on both sides. */
const both =
  (decision: Partial<RelocationPolicy>) =>
  ({ libbpf, kernel }: CoreWorld): void => {
    libbpf.policy = { ...libbpf.policy, ...decision };
    kernel.policy = { ...kernel.policy, ...decision };
  };

type Apply = (application: Application) => Refusal | undefined;

/** Another way of applying a record, on one side or on both. */
function wrapping(sides: readonly ('libbpf' | 'kernel')[], wrap: (usual: Apply) => Apply) {
  return (world: CoreWorld): void => {
    for (const side of sides) world[side].apply = wrap(world[side].apply);
  };
}

const typeIdsValidated = fault<CoreWorld>({
  ...HERE,
  name: 'type-ids-validated',
  story: 'An instruction has to hold the local id before a type id is written, but static linking renumbers types.',
  breaks: 'only-bad-records-refuse',
  source: 'F9: libbpf: Don’t validate TYPE_ID relo’s original imm value (ac20634c, 2022)',
  plant: both({ validatesTypeIds: true }),
});

const localIdSizesUninitialised = fault<CoreWorld>({
  ...HERE,
  name: 'local-id-sizes-uninitialised',
  story:
    'A question about a local type id leaves the sizes of the result unset, and a load is resized by what lay there.',
  breaks: 'only-bad-records-refuse',
  source: 'F10: libbpf: Fix potential uninit memory read (df5689f1)',
  plant: wrapping(['libbpf', 'kernel'], (usual) => (application) => {
    const { image, index, record } = application;
    const isLoad = (image.opcode(index) & 7) === 1;
    if (RELOCATION_KINDS[record.kind] !== 'local_type_id' || !isLoad) return usual(application);
    return { kind: 'failure', errno: 'EINVAL', reason: 'no access has 21930 bytes' };
  }),
});

const anonymousByItsAccess = fault<CoreWorld>({
  ...HERE,
  name: 'anonymous-by-its-access',
  story:
    'Whether a type is anonymous is asked of the access string, never empty, so candidates of no name are looked for.',
  breaks: 'unanswerable-records-refuse',
  source: 'F11: libbpf: Fix anonymous type check in CO-RE logic (36582ee4)',
  plant: wrapping(['libbpf', 'kernel'], (usual) => (application) => {
    const { finder } = application;
    return usual({ ...application, finder: { find: (local, typeId) => finder.find(local, typeId) ?? [] } });
  }),
});

const lowWordSigned = fault<CoreWorld>({
  ...HERE,
  name: 'low-word-sign-extended',
  story: 'The low word of a 64-bit load counts as signed, so a value with its top bit set is not recognised.',
  breaks: 'only-bad-records-refuse',
  source: 'F12: libbpf: Fix an error in 64bit relocation value computation (0167a883)',
  plant: both({ lowWord: 'signed' }),
});

const signOfAnything = fault<CoreWorld>({
  ...HERE,
  name: 'sign-of-anything',
  story: 'The signedness of a field is read from behind its type even where that is no integer.',
  breaks: 'only-bad-records-refuse',
  alsoBreaks: ['patched-instructions-say-what-the-kernel-has'],
  source: 'F13: libbpf: fix signedness determination in CO-RE relo handling logic (b4c8def4)',
  plant: both({ signedness: 'of-any-type' }),
});

const wholeArraySized = fault<CoreWorld>({
  ...HERE,
  name: 'whole-array-sized',
  story: 'A load of one element is compared with the size of the whole array, so an array that grew is poisoned.',
  breaks: 'patched-instructions-say-what-the-kernel-has',
  alsoBreaks: ['only-bad-records-refuse'],
  source: 'F14: libbpf: fix LDX/STX/ST CO-RE relocation size adjustment logic (d7a4ab15, 2025)',
  plant: both({ arrayAccess: 'whole-array' }),
});

const missingLocalType = fault<CoreWorld>({
  ...HERE,
  name: 'missing-local-type-dereferenced',
  story: 'A question about the id of a local type that does not exist dereferences what the lookup did not find.',
  breaks: 'relocation-survives-every-record',
  source: 'F15: bpf: correctly handle malformed BPF_CORE_TYPE_ID_LOCAL relos (3d2786d65aaa, 2024)',
  plant: wrapping(['kernel'], (usual) => (application) => {
    const { btf, record } = application;
    const missing = RELOCATION_KINDS[record.kind] === 'local_type_id' && btf.type(record.typeId) === undefined;
    return missing ? { kind: 'oops', reason: 'the missing local type is read' } : usual(application);
  }),
});

const refusedRecordsLeak = fault<CoreWorld>({
  ...HERE,
  name: 'refused-records-leak',
  story:
    'The error path for a local type that does not exist returns without freeing the working memory of the record.',
  breaks: 'working-memory-is-given-back',
  source: 'F16: bpf: Fix memory leak in bpf_core_apply (45126b155e3b, 2024)',
  plant({ kernel }) {
    kernel.givesBack = ({ btf, record }) => btf.type(record.typeId) !== undefined;
  },
});

const negativeIndexAccepted = fault<CoreWorld>({
  ...HERE,
  name: 'negative-index-accepted',
  story: 'Only the upper bound of a member index is checked, so "0:-1" reads before the members of the type.',
  breaks: 'relocation-survives-every-record',
  source: 'F17: bpf: reject negative CO-RE accessor indices in bpf_core_parse_spec() (5ca5801a, 2026)',
  plant: both({ negativeIndexes: 'oops' }),
});

const depthErrorIsMismatch = fault<CoreWorld>({
  ...HERE,
  name: 'depth-error-is-a-mismatch',
  story:
    'A member nested too deeply to compare counts as one that does not match, so TYPE_MATCHES gives 0 for an error.',
  breaks: 'unanswerable-records-refuse',
  alsoBreaks: ['patched-instructions-say-what-the-kernel-has'],
  source: 'F18: bpf: Correctly propagate errors up from bpf_core_composites_match (ca602094)',
  plant: both({ nestingInMembers: 'mismatch' }),
});

const firstCandidateWins = fault<CoreWorld>({
  ...HERE,
  name: 'first-candidate-wins',
  story: 'Of two kernel types of one name that put a field in different places, the first is taken without a word.',
  breaks: 'unanswerable-records-refuse',
  source: 'F21: libbpf: Improve relocation ambiguity detection (9106c302)',
  plant: both({ ambiguity: 'first-wins' }),
});

const recordsAfterFunctions = fault<CoreWorld>({
  ...AFTER,
  name: 'records-after-functions',
  story: 'Records are looked at only in a load that passes func_info or line_info, and otherwise left unapplied.',
  breaks: 'patched-instructions-say-what-the-kernel-has',
  alsoBreaks: ['unanswerable-records-refuse'],
  source: 'F22: bpf: Apply CO-RE relocations before subprogram validation (c26e97721b17, 2026)',
  plant({ kernel }) {
    kernel.relocates = 'after-functions-with-debug-info';
  },
});

const anythingPoisoned = fault<CoreWorld>({
  ...AFTER,
  name: 'anything-poisoned',
  story: 'A record that finds nothing replaces its instruction by a call whatever it is, an exit too.',
  breaks: 'only-relocatable-instructions-change',
  alsoBreaks: ['unanswerable-records-refuse'],
  source: 'F23: bpf: Restrict CO-RE poisoning to relocatable instructions (394ae398337c, 2026)',
  plant: both({ poisons: 'any-instruction' }),
});

const cutLoadReadOn = fault<CoreWorld>({
  ...HERE,
  name: 'cut-load-read-on',
  story: 'The second half of a 64-bit load is read behind the end of the program.',
  breaks: 'relocation-survives-every-record',
  source: 'F24: libbpf: Reject truncated ldimm64 CO-RE relocations (b4e875d397da, 2026)',
  plant: wrapping(['libbpf'], (usual) => (application) => {
    const { image, index } = application;
    const cut = image.opcode(index) === LD_IMM64 && index + 1 >= image.length;
    return cut ? { kind: 'oops', reason: 'the slot behind the program is read' } : usual(application);
  }),
});

export const coreAnswerFaults: readonly Fault<CoreWorld>[] = [
  typeIdsValidated,
  localIdSizesUninitialised,
  anonymousByItsAccess,
  lowWordSigned,
  signOfAnything,
  wholeArraySized,
  missingLocalType,
  refusedRecordsLeak,
  negativeIndexAccepted,
  depthErrorIsMismatch,
  firstCandidateWins,
  recordsAfterFunctions,
  anythingPoisoned,
  cutLoadReadOn,
];
