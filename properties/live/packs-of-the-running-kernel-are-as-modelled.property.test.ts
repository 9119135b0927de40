import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Random } from '../../src/base/seed.ts';
import { progPackRecording } from '../../src/conform/prog-pack-recording.ts';
import { allSuites } from '../../src/lab/suites/all.ts';
import { profiles } from '../../src/model/kernel/profile.ts';
import { thingOf } from '../../src/targets/live/facility.ts';
import { chooseProfile } from '../../src/targets/live/kernel-profile.ts';
import { drawPlan, performPlan } from '../../src/targets/live/pack-plan.ts';
import { Disturbed, ProgPackObserver } from '../../src/targets/live/prog-pack-observer.ts';
import { documentOf, emptyFolder, roxcheck } from '../cli/in-process.ts';
import { isMissing, reachedKernel } from './reached-kernel.ts';

const kernel = await reachedKernel();
const observer = ProgPackObserver.open(kernel);
afterAll(() => thingOf(observer)?.end());
const { profile } = chooseProfile(kernel.release, [...profiles.keys()]);

interface RunDocument {
  readonly suites: readonly [
    { readonly verdict: string; readonly runs: number; readonly path?: string; readonly difference?: object },
  ];
}

describe.skipIf(isMissing('program packs', observer))('on the running kernel', () => {
  const live = thingOf(observer)!;

  test('loads and closes are placed, sealed and taken back as on the model', () => {
    const plans = Array.from({ length: 6 }, (_, run) => drawPlan(new Random(`packs/${run}`), 12));
    const sequences = plans.flatMap((plan, index) => {
      try {
        return [{ name: `live/${index}`, kernel: profile, steps: performPlan(live, plan) }];
      } catch (error) {
        if (!(error instanceof Disturbed)) throw error;
        console.log(`not judged: ${error.message}`);
        return [];
      }
    });
    const judged = sequences.filter(({ steps }) => steps.length > 0);
    if (judged.length === 0) {
      console.log('skipped: others used executable memory all the time');
      return;
    }
    const report = onModel(judged);
    expect(report.firstFailures).toEqual([]);
    expect(report.passed).toBe(judged.length);
    // A comparison that could not fail would prove nothing.
    const wrong = structuredClone(judged.find(({ steps }) => steps[0]?.op === 'load')!);
    Object.assign(wrong.steps[0]!.live[0]!.parts[0]!, { chunk: 1 });
    expect(onModel([wrong]).firstFailures).toMatchObject([{ step: 0, field: 'live[0].parts' }]);
  });

  test('judged by a kernel that maps packs otherwise, they diverge: found, shrunk to one load, saved, reproduced', async () => {
    if (profile !== '6.18') {
      console.log(`skipped: nothing is known to differ between ${profile} and 7.3`);
      return;
    }
    const folder = emptyFolder();
    const ended = await roxcheck('run prog-pack --target live --kernel 7.3 --runs 3 --seed other --json', {
      suites: allSuites,
      folder,
    });
    const [suite] = (documentOf(ended) as unknown as RunDocument).suites;
    if (suite.runs === 0) {
      console.log('skipped: others used executable memory all the time');
      return;
    }
    expect(ended.exitCode).toBe(1);
    expect(suite).toMatchObject({ verdict: 'diverges', difference: { step: 0, field: 'packs' } });
    const files = readdirSync(join(folder, 'failures'));
    expect(suite.path).toBe(join('failures', files[0]!));
    const replayed = await roxcheck(`conform ${suite.path}`, { folder });
    expect(replayed.exitCode).toBe(1);
    expect(replayed.out).toContain('packs[0].va.levels');
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
