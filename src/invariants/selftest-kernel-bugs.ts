import { type KernelBug, kernelBug } from '../language/kernel-bug.ts';
import type { World } from '../model/world.ts';

/** What kernels do against the laws of the selftest although no allocation failed. */
export const selftestKernelBugs: readonly KernelBug<World>[] = [
  kernelBug<World>({
    name: 'first-packs-keep-old-text',
    story:
      'The introduction of packs does not fill freed text with traps: an unloaded program can be run as long as its pack lives.',
    kernels: ['prog-pack-first'],
    laws: ['freed-text-cannot-be-run'],
    fix: 'fe736565efb7',
    recognises: ({ text: { profile } }, { taken }) =>
      !profile.invalidatesFreedText && (taken.text as { readonly user: string }).user === 'bpf',
  }),
];
