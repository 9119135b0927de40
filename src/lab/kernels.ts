import { profiles } from '../model/kernel/profile.ts';
import type { KernelSentence } from './registry.ts';

/** One sentence for each kernel profile. */
export const kernelSentences: readonly KernelSentence[] = [...profiles.values()].map(({ name, about }) => ({
  name,
  sentence: about,
}));
