import { arenaProfiles } from '../model/bpf/arena-profile.ts';
import { coreProfiles } from '../model/bpf/core-relocation/world/profile.ts';
import { profiles } from '../model/kernel/profile.ts';
import type { KernelSentence } from './registry.ts';

const all = [...coreProfiles.values(), ...arenaProfiles.values(), ...profiles.values()];

/** One sentence for each kernel profile; the subsystems of one version have profiles of their own and share a name. */
export const kernelSentences: readonly KernelSentence[] = [...new Map(all.map(({ name, about }) => [name, about]))].map(
  ([name, sentence]) => ({ name, sentence }),
);
