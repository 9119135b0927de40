import { hex } from '../../base/word.ts';
import { invariant } from '../../language/invariant.ts';
import type { RunEnd } from '../../model/bpf/life/program-run.ts';
import type { WholeWorld } from '../../model/whole-world.ts';
import { isRun } from './runs.ts';

/** Everything the program can leave behind counts: r0, the context, the arena, the program array, and what its faults report. */
export const interpreterAndCpuAgree = invariant<WholeWorld>({
  name: 'interpreter-and-cpu-agree',
  law: 'After a run the CPU has left in r0, in memory and in the reports of arena faults what the program means.',
  concerns: (_, happened) => isRun(happened),
  judgeStep({ lastRun }, _, violated) {
    const { meant, found, differences } = lastRun!;
    if (meant.value !== found.value) violated(`meant: ${meant.story}; but ${found.story}`);
    for (const { frame, offset, meant: want, found: have } of differences) {
      violated(`byte ${hex(offset)} of frame ${frame} is ${hex(have)} and should be ${hex(want)}`);
    }
    const [reported, due] = [found, meant].map(sayReports) as [string, string];
    if (meant.value === found.value && reported !== due)
      violated(`the stream tells ${reported}, and should tell ${due}`);
  },
});

const sayReports = ({ arenaFaults }: RunEnd): string =>
  arenaFaults.map(({ write, address }) => `${write ? 'WRITE' : 'READ'} ${hex(address)}`).join(', ') || 'nothing';
