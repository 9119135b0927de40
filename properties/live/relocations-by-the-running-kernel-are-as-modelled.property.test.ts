import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/base/seed.ts';
import { allSuites } from '../../src/lab/suites/all.ts';
import { coreProfiles } from '../../src/model/bpf/core-relocation/world/profile.ts';
import { questionAbout } from '../../src/targets/live/core/candidate-cache.ts';
import { predicted, verdictOf } from '../../src/targets/live/core/core-comparison.ts';
import { drawPlan } from '../../src/targets/live/core/core-plan.ts';
import { loadOfPlan } from '../../src/targets/live/core/core-plan-load.ts';
import { CoreRecorder } from '../../src/targets/live/core/core-recorder.ts';
import { thingOf } from '../../src/targets/live/facility.ts';
import { chooseProfile } from '../../src/targets/live/kernel-profile.ts';
import { documentOf, emptyFolder, roxcheck } from '../cli/in-process.ts';
import { isMissing, reachedKernel } from './reached-kernel.ts';

const kernel = await reachedKernel();
const recorder = CoreRecorder.open(kernel);
const { profile: name } = chooseProfile(kernel.release, [...coreProfiles.keys()]);

describe.skipIf(isMissing('relocation in the kernel', recorder))('on the running kernel', () => {
  const live = thingOf(recorder)!;
  const { kernelTypes } = live?.loader ?? {};
  const profile = coreProfiles.get(name)!;

  test('drawn programs are relocated as on the model', () => {
    const outcomes = new Set<boolean>();
    for (let run = 0; run < 40; run++) {
      const plan = drawPlan(new Random(`relocations/${run}`), kernelTypes!);
      const load = loadOfPlan(plan, kernelTypes!);
      const prior = plan.prior === undefined ? [] : [plan.prior];
      const seen = verdictOf(live.observe(load, prior));
      if (seen === undefined) throw new Error('a plan was withheld: plans hold nothing that could do harm');
      expect(seen).toEqual(predicted(load, prior, profile, kernelTypes!));
      outcomes.add(seen.ok);
    }
    expect(outcomes).toEqual(new Set([true, false]));
  });

  test('the cache of candidates answers for a name of another kind, and forgets it again', () => {
    if (name !== '6.18') {
      console.log(`skipped: the cache of ${kernel.release} is not known`);
      return;
    }
    const load = questionAbout('list_head', 'struct');
    const after = (...prior: readonly { readonly name: string; readonly kind: 'union' | 'struct' }[]) =>
      verdictOf(live.observe(load, prior));
    const alone = after();
    expect(alone).toMatchObject({ ok: true, program: expect.stringMatching(/^b700000001000000/) });
    expect(after({ name: 'list_head', kind: 'union' })).toMatchObject({
      program: expect.stringMatching(/^b700000000000000/),
    });
    expect(after({ name: 'list_head', kind: 'struct' }, { name: 'list_head', kind: 'union' })).toEqual(alone);
    expect(after()).toEqual(alone);
  });

  test('a fault in the model is noticed by the kernel: shrunk, saved, and the recording holds', async () => {
    const folder = emptyFolder();
    const command = 'run core-relocation --target live --fault sign-of-anything --runs 400 --seed other --json';
    const ended = await roxcheck(command, { suites: allSuites, folder });
    expect(ended.exitCode).toBe(1);
    const [suite] = documentOf(ended).suites as readonly [{ readonly verdict: string; readonly path: string }];
    expect(suite).toMatchObject({ verdict: 'diverges', records: expect.any(Number) });
    expect(readdirSync(join(folder, 'failures')).length).toBe(2);
    const replayed = await roxcheck(`conform ${suite.path}`, { folder });
    expect(replayed.out).toContain('1 of 1 case as recorded');
    const recorded = await roxcheck(`record ${suite.path} --out again.jsonl --json`, { folder });
    expect(documentOf(recorded)).toMatchObject({ exitCode: 0, recorded: 1, withheld: 0 });
    expect((await roxcheck('conform again.jsonl', { folder })).out).toContain('1 of 1 case as recorded');
  });
});
