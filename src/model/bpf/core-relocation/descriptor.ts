/**
 * How much memory libbpf's relocation descriptors take (libbpf.c: struct reloc_desc), by the shapes they had while CO-RE
 * records were added to them for light skeletons. The shape decides nothing about results; it was the argument of the
 * review of November 2021: every descriptor pays for fields that only records use, and there can be very many.
 */
import { rememberRecords } from './core-pass.ts';
import { type LinkedProgram, linkMains } from './link.ts';
import type { BpfObject } from './object.ts';
import { isRefusal, type Refusal } from './refusal.ts';

export interface DescriptorProfile {
  readonly name: 'before-records' | 'first-posted' | 'proposed' | 'since-2022';
  /** Bytes of one descriptor of any kind, on a 64-bit machine. */
  readonly descriptorBytes: number;
  /** For which loads a descriptor is made of each record. */
  readonly remembersRecords: 'never' | 'light-skeleton' | 'always';
  /** Where the record's type, access string and kind are: copied into the descriptor, or pointed at in .BTF.ext. */
  readonly record: 'absent' | 'copied' | 'pointed-at';
  /** The mail or commit the shape is in. */
  readonly source: string;
}

/** In the order of time. */
export const DESCRIPTOR_PROFILES: readonly DescriptorProfile[] = [
  {
    name: 'before-records',
    descriptorBytes: 16,
    remembersRecords: 'never',
    record: 'absent',
    source: 'type, insn_idx, map_idx, sym_off: libbpf before December 2021',
  },
  {
    name: 'first-posted',
    descriptorBytes: 28,
    remembersRecords: 'light-skeleton',
    record: 'copied',
    source: '[PATCH v2 bpf-next 07/12] of 11 November 2021: three more 32-bit fields in every descriptor',
  },
  {
    name: 'proposed',
    descriptorBytes: 16,
    remembersRecords: 'light-skeleton',
    record: 'pointed-at',
    source: 'the review of that patch, merged so in d0e928876e30: a union of map_idx and sym_off with a pointer',
  },
  {
    name: 'since-2022',
    descriptorBytes: 24,
    remembersRecords: 'always',
    record: 'pointed-at',
    source:
      'libbpf v1.8: ext_idx and sym_off side by side in the union; records are kept to explain poisoned instructions',
  },
];

export interface DescriptorMemory {
  /** Descriptors held when loading starts: those of all programs, and the copies that went along with appended code. */
  readonly descriptors: number;
  /** How many of them stand for a CO-RE record. */
  readonly records: number;
  readonly bytes: number;
  /** Bytes more than the same load took before records were remembered. */
  readonly bytesForRecords: number;
}

/** What an object's descriptors take, for a direct load or for a light skeleton. */
export function descriptorMemory(
  object: BpfObject,
  profile: DescriptorProfile,
  loading: 'direct' | 'light-skeleton',
): DescriptorMemory | Refusal {
  const remembers = profile.remembersRecords === 'always' || profile.remembersRecords === loading;
  const remembered = remembers ? rememberRecords(object) : object;
  if (isRefusal(remembered)) return remembered;
  const linked = linkMains(remembered);
  return isRefusal(linked) ? linked : descriptorBytes({ object: remembered, linked }, profile);
}

/** The same for an object whose subprograms are appended. */
export function descriptorBytes(
  { object, linked }: { readonly object: BpfObject; readonly linked: readonly LinkedProgram[] },
  profile: DescriptorProfile,
): DescriptorMemory {
  const mains = new Set(linked.map(({ main }) => main));
  const held = [
    ...linked.flatMap(({ relocations }) => relocations),
    ...object.programs.filter((program) => !mains.has(program)).flatMap(({ relocations }) => relocations),
  ];
  const records = held.filter(({ kind }) => kind === 'core').length;
  const bytes = held.length * profile.descriptorBytes;
  const [before] = DESCRIPTOR_PROFILES;
  return {
    descriptors: held.length,
    records,
    bytes,
    bytesForRecords: bytes - (held.length - records) * before!.descriptorBytes,
  };
}
