import { JournaledArray } from '../../base/journal.ts';
import { invariant } from '../../language/invariant.ts';
import type { WholeWorld } from '../../model/whole-world.ts';

export const programsRaiseNoAlarm = invariant<WholeWorld>({
  name: 'programs-raise-no-alarm',
  law: 'Whatever is done with programs and arenas, the kernel prints no WARN, no BUG and no KASAN report.',
  concerns: (_, { operation, taken }) => 'prog' in taken || 'poke' in taken || operation.makes === 'prog',
  judgeStep({ log }, { changes }, violated) {
    if (!changes.of(JournaledArray).includes(log.reports)) return;
    changes.each((owner, key, old) => {
      const report = owner === log.reports && !Array.isArray(old) ? log.reports.at(key as number) : undefined;
      if (report !== undefined) violated(`${report.kind} ${report.text}`);
    });
  },
});
