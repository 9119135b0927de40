/** Real faults of the shared relocation code, as the policies that had them: each replaces one decision of a fixed version. */
import type { RelocationPolicy } from './policy.ts';

export interface HistoricalFault {
  readonly name: string;
  /** What went wrong, in a sentence. */
  readonly story: string;
  /** The fix, by its title and its commit in the libbpf mirror. */
  readonly source: string;
  readonly decision: Partial<RelocationPolicy>;
}

export const HISTORICAL_FAULTS: readonly HistoricalFault[] = [
  {
    name: 'first-candidate-wins',
    story: 'Of two kernel types of one name that put a field in different places, the first was taken without a word.',
    source: 'libbpf: Improve relocation ambiguity detection (9106c302)',
    decision: { ambiguity: 'first-wins' },
  },
  {
    name: 'low-word-sign-extended',
    story:
      'A 64-bit load whose low word has its top bit set was read with a negative low word, so a right value was refused.',
    source: 'libbpf: Fix an error in 64bit relocation value computation (0167a883)',
    decision: { lowWord: 'signed' },
  },
  {
    name: 'type-ids-validated',
    story: 'Static linking renumbers local types but not the instructions, so objects linked of two were refused.',
    source: "libbpf: Don't validate TYPE_ID relo's original imm value (ac20634c)",
    decision: { validatesTypeIds: true },
  },
  {
    name: 'depth-error-is-a-mismatch',
    story:
      'A member nested too deeply to compare counted as one that does not match, so TYPE_MATCHES gave 0 for an error.',
    source: 'bpf: Correctly propagate errors up from bpf_core_composites_match (ca602094)',
    decision: { nestingInMembers: 'mismatch' },
  },
  {
    name: 'whole-array-sized',
    story: 'A load of one element was compared with the size of the whole array, so an array that grew was poisoned.',
    source: 'libbpf: fix LDX/STX/ST CO-RE relocation size adjustment logic (d7a4ab15)',
    decision: { arrayAccess: 'whole-array' },
  },
  {
    name: 'negative-index-accepted',
    story: 'Only the upper bound of a member index was checked, so "0:-1" read before the members of the type.',
    source: 'bpf: reject negative CO-RE accessor indices in bpf_core_parse_spec() (5ca5801a)',
    decision: { negativeIndexes: 'oops' },
  },
];
