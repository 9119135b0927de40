import { type KernelBug, kernelBug } from '../language/kernel-bug.ts';
import { Refusal } from '../language/operation.ts';
import type { World } from '../model/world.ts';

const makesExecutable = ['set_memory_rox', 'execmem_restore_rox'];

/**
 * A page's own entry is changed first and its direct-map alias after it. When the split that the alias needs finds no memory, the
 * page is executable and its alias writable until the caller, who got -ENOMEM, takes the one or the other away. Derived from
 * cpa_process_alias(), which nothing undoes; callers that ignored the error were CVE-2024-42067.
 */
const executableBeforeAliasIsReadOnly = kernelBug<World>({
  name: 'executable-before-alias-is-read-only',
  story:
    'set_memory_rox() that fails for want of a page table leaves text executable while its direct-map alias is writable.',
  kernels: ['6.18', '6.12', '6.18.15', '7.3', '6.1', 'prog-pack-first', 'per-program-text', 'module-alloc-huge'],
  laws: ['executable-frames-are-writable-nowhere', 'cpus-and-tables-together-keep-w-xor-x'],
  recognises: (_, { operation, returned }) =>
    makesExecutable.includes(operation.name) && returned instanceof Refusal && returned.answer === '-ENOMEM',
});

/** What real kernels do against the laws of kernel memory. */
export const memoryKernelBugs: readonly KernelBug<World>[] = [executableBeforeAliasIsReadOnly];
