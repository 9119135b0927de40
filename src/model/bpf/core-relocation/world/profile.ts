/**
 * Pairs of a libbpf and a kernel as suites run on them. What the review of November 2021 argued about, the form in which
 * libbpf remembers records for the loader, is a profile of its own: relocation itself is that of 6.18 in all of those.
 */
import { DESCRIPTOR_PROFILES, type DescriptorProfile } from '../descriptor.ts';
import { KERNEL_6_18, KERNEL_AFTER_6_18, LIBBPF_1_8, LIBBPF_AFTER_1_8, type RelocationPolicy } from '../policy.ts';

export interface CoreProfile {
  readonly name: string;
  /** One sentence for `list kernels`. */
  readonly about: string;
  readonly libbpf: RelocationPolicy;
  readonly kernel: RelocationPolicy;
  readonly relocates: 'after-functions-with-debug-info' | 'first';
  readonly descriptor: DescriptorProfile;
}

const descriptor = (name: DescriptorProfile['name']): DescriptorProfile =>
  DESCRIPTOR_PROFILES.find((profile) => profile.name === name)!;

const MAINLINE: CoreProfile = {
  name: '6.18',
  about: 'Linux 6.18.44 with libbpf v1.8.',
  libbpf: LIBBPF_1_8,
  kernel: KERNEL_6_18,
  relocates: 'after-functions-with-debug-info',
  descriptor: descriptor('since-2022'),
};

const list: readonly CoreProfile[] = [
  MAINLINE,
  {
    ...MAINLINE,
    name: 'core-record-proposed',
    about:
      'CO-RE records as the review of November 2021 proposed and as they were merged: pointed at, for light skeletons alone.',
    descriptor: descriptor('proposed'),
  },
  {
    ...MAINLINE,
    name: 'core-record-first-posted',
    about: 'CO-RE records as posted on 11 November 2021: copied into every relocation descriptor.',
    descriptor: descriptor('first-posted'),
  },
  {
    ...MAINLINE,
    name: 'core-after-6.18',
    about: 'CO-RE of autumn 2026: records of every load are applied first, and poison only what could be relocated.',
    libbpf: LIBBPF_AFTER_1_8,
    kernel: KERNEL_AFTER_6_18,
    relocates: 'first',
  },
];

/** Every CO-RE profile by name; the first is the default. */
export const coreProfiles: ReadonlyMap<string, CoreProfile> = new Map(list.map((profile) => [profile.name, profile]));
