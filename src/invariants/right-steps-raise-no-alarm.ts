import { JournaledArray } from '../base/journal.ts';
import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';

/** Steps on raw text may be wrong on purpose; then a WARN or BUG is the kernel's answer. */
const MAY_BE_WRONG = new Set([
  'bpf_prog_pack_free',
  'bpf_arch_text_copy',
  'execmem_fill',
  'execmem_fill_lookup',
  'execmem_fill_copy',
  'execmem_free',
  'module_memory_alloc_error',
  'vmalloc_text_copy',
  'vmalloc_text_free',
]);

/** A failed allocation or copy is an everyday error: it is returned, never a reason to stop the machine. */
export const rightStepsRaiseNoAlarm = invariant<World>({
  name: 'right-steps-raise-no-alarm',
  law: 'A step that uses text as it is meant to be used makes the kernel print no WARN, no BUG and no KASAN report.',
  concerns: (_, { operation }) => !MAY_BE_WRONG.has(operation.name),
  judgeStep({ log }, { changes }, violated) {
    if (!changes.of(JournaledArray).includes(log.reports)) return;
    changes.each((owner, key, old) => {
      const report = owner === log.reports && !Array.isArray(old) ? log.reports.at(key as number) : undefined;
      if (report !== undefined) violated(`${report.kind} ${report.text}`);
    });
  },
});
