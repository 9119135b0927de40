import { coreProfiles } from '../model/bpf/core-relocation/world/profile.ts';
import { profiles } from '../model/kernel/profile.ts';
import type { KernelSentence } from './registry.ts';

/** One sentence for each kernel profile; one that a world of memory and CO-RE both have is told by the former. */
export const kernelSentences: readonly KernelSentence[] = [...coreProfiles.values(), ...profiles.values()].map(
  ({ name, about }) => ({ name, sentence: about }),
);
