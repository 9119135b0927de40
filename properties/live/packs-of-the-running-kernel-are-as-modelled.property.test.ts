import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { progPackRecording } from '../../src/conform/prog-pack-recording.ts';
import { thingOf } from '../../src/targets/live/facility.ts';
import type { PackStepObservation } from '../../src/targets/live/prog-pack-observation.ts';
import { Disturbed, ProgPackObserver } from '../../src/targets/live/prog-pack-observer.ts';
import { versionOf } from '../../src/targets/live/release.ts';
import { isMissing, reachedKernel } from './reached-kernel.ts';

const kernel = await reachedKernel();
const observer = ProgPackObserver.open(kernel);
afterAll(() => thingOf(observer)?.end());

/** A plan: lengths to load beyond the shortest, and numbers that choose what to close. */
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ load: fc.oneof(fc.integer({ min: 2, max: 300 }), fc.integer({ min: 2, max: 90_000 })) }),
  },
  { weight: 1, arbitrary: fc.record({ close: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }) }) },
);

/** Performs a plan; undefined where somebody else interfered. */
function observed(live: ProgPackObserver, plan: readonly ({ load: number } | { close: readonly number[] })[]) {
  const steps: PackStepObservation[] = [];
  const open = new Set<number>();
  try {
    live.begin();
    for (const planned of plan) {
      if ('load' in planned) {
        steps.push(live.load(live.shortest + planned.load));
        open.add(steps.at(-1)!.live.at(-1)!.id);
      } else if (open.size > 0) {
        const ids = [...new Set(planned.close.map((choice) => [...open][choice % open.size]!))];
        steps.push(live.close(ids));
        for (const id of ids) open.delete(id);
      }
    }
    if (open.size > 0) steps.push(live.close([...open]));
    return steps;
  } catch (error) {
    if (!(error instanceof Disturbed)) throw error;
    console.log(`not judged: ${error.message}`);
    return undefined;
  }
}

describe.skipIf(isMissing('program packs', observer))('on the running kernel', () => {
  test('generated loads and closes are placed, sealed and taken back as on the model', () => {
    const live = thingOf(observer)!;
    const plans = fc.sample(fc.array(step, { minLength: 3, maxLength: 14 }), { seed: 10, numRuns: 12 });
    const sequences = plans.flatMap((plan, index) => {
      const steps = observed(live, plan);
      return steps === undefined || steps.length === 0
        ? []
        : [{ name: `live/${index}`, kernel: versionOf(kernel.release), steps }];
    });
    if (sequences.length === 0) {
      console.log('skipped: others used executable memory all the time');
      return;
    }
    const report = onModel(sequences);
    expect(report.firstFailures).toEqual([]);
    expect(report.passed).toBe(sequences.length);
    console.log(`${sequences.length} of ${plans.length} sequences judged`);
    // A comparison that could not fail would prove nothing.
    const [first] = JSON.parse(JSON.stringify(sequences)) as typeof sequences;
    Object.assign(first!.steps[0]!.live[0]!.parts[0]!, { chunk: 1 });
    expect(onModel([first!]).firstFailures).toMatchObject([{ step: 0, field: 'live[0].parts' }]);
  });
});

/** Performs observed sequences on the model as if they had been recorded. */
function onModel(sequences: readonly object[]) {
  return progPackRecording.perform(JSON.parse(JSON.stringify(sequences)), {
    fileName: 'live',
    companion: () => [],
    optionalCompanion: () => undefined,
  });
}
