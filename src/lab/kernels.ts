import type { KernelSentence } from './registry.ts';

/** One sentence for each kernel profile. */
export const kernelSentences: readonly KernelSentence[] = [];
