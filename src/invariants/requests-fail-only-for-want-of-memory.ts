import { invariant } from '../language/invariant.ts';
import { Refusal } from '../language/operation.ts';
import type { World } from '../model/world.ts';

/** What asks for text. Malformed requests are told by their arguments. */
const REQUESTS = new Set([
  'execmem_alloc',
  'execmem_alloc_test',
  'module_memory_alloc',
  'execmem_cache_populate',
  'execmem_cache_alloc_again',
  'text_alloc',
  'vmalloc_text_alloc',
]);

/** Larger requests do not fit into the window that module text shares with everything else. */
const REASONABLE = 2 ** 28;

export const requestsFailOnlyForWantOfMemory = invariant<World>({
  name: 'requests-fail-only-for-want-of-memory',
  law: 'A well-formed request for text is refused only when an allocation inside it failed: not for what others did meanwhile, nor for its type.',
  concerns: (_, { operation }) => REQUESTS.has(operation.name),
  judgeStep({ failing }, { operation, taken, returned }, violated) {
    if (!(returned instanceof Refusal) || failing.failed !== undefined) return;
    const size = typeof taken.size === 'number' ? taken.size : 1;
    const align = typeof taken.align === 'number' ? taken.align : 1;
    const isWellFormed = size > 0 && size < REASONABLE && align > 0 && Number.isInteger(Math.log2(align));
    if (!isWellFormed) return;
    violated(`${operation.name} was answered ${returned}, and nothing inside it failed`);
  },
});
