import { arenaProfiles } from '../model/bpf/arena-profile.ts';
import { profiles } from '../model/kernel/profile.ts';
import type { KernelSentence } from './registry.ts';

/** One sentence for each kernel profile; the subsystems of one version have profiles of their own and share a name. */
export const kernelSentences: readonly KernelSentence[] = [
  ...new Map([...arenaProfiles.values(), ...profiles.values()].map(({ name, about }) => [name, about])),
].map(([name, sentence]) => ({ name, sentence }));
