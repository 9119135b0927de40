import { randomOfRun, Walk } from '../src/engine/generate.ts';
import { Session } from '../src/engine/session.ts';
import { progPackSuite } from '../src/lab/suites/prog-pack.ts';
import type { Step } from '../src/language/trace.ts';
import type { World } from '../src/model/world.ts';
import { medianRatio, nanosecondsPerStep } from './rounds.ts';
import type { Ratio } from './speed.ts';

/** What judging costs: the program-pack suite performing the same recorded walks with all its laws, and with none. */
export function lawsAgainstNone(rounds: number): readonly Ratio[] {
  const walks = recordWalks(40);
  const judging = new Session(progPackSuite, { kernel: KERNEL });
  const bare = new Session(progPackSuite, { kernel: KERNEL, judging: false });
  const times = nanosecondsPerStep(
    {
      judging: () => performAll(judging, walks),
      bare: () => performAll(bare, walks),
    },
    { rounds, warmUps: 3 },
  );
  const name = 'prog-pack suite, all laws / the same calls without';
  return [{ name, ratio: medianRatio(times.judging, times.bare), wanted: 'at most 3, better 2' }];
}

const KERNEL = '6.18';

function recordWalks(count: number): readonly (readonly Step[])[] {
  const session = new Session(progPackSuite, { kernel: KERNEL });
  return Array.from({ length: count }, (_, number) => {
    const random = randomOfRun({ seed: 'bench', suite: progPackSuite.name, kernel: KERNEL, number });
    const walk = new Walk(session, random, progPackSuite.steps);
    while (!walk.advance(progPackSuite.steps));
    return walk.steps;
  });
}

/** Returns the steps performed: a walk that ended in a known bug of the kernel goes as far where nobody judges. */
function performAll(session: Session<World>, walks: readonly (readonly Step[])[]): number {
  let performed = 0;
  for (const steps of walks) {
    session.reset();
    for (let index = 0; index < steps.length; index++) session.perform(steps[index]!);
    performed += steps.length;
  }
  return performed;
}
