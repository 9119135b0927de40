import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { allSuites } from '../../src/lab/suites/all.ts';
import { arenaSuite } from '../../src/lab/suites/arena.ts';
import { arenaProfiles } from '../../src/model/bpf/arena-profile.ts';
import type { ArenaCall } from '../../src/operations/arena-call.ts';
import { ArenaTarget } from '../../src/targets/live/arena-target.ts';
import { openArenaTools } from '../../src/targets/live/arena-tools.ts';
import { thingOf } from '../../src/targets/live/facility.ts';
import { chooseProfile } from '../../src/targets/live/kernel-profile.ts';
import { asOnKernel } from '../../src/targets/live/lock-step.ts';
import { benchFor, restrictionsOf } from '../../src/targets/live/lock-step-bench.ts';
import { lockStepCampaign, redrawn } from '../../src/targets/live/lock-step-campaign.ts';
import { documentOf, roxcheck } from '../cli/in-process.ts';
import { isMissing, reachedKernel } from './reached-kernel.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const ENTRY = join(PROJECT, 'dist', 'cli', 'main.js');
const kernel = await reachedKernel();
const tools = openArenaTools(kernel);
const { profile } = chooseProfile(kernel.release, [...arenaProfiles.keys()]);
/** Where traces map: nothing else of a process lies there. */
const ZONES = [0x47n, 0x48n, 0x49n, 0x4an];
const CAMPAIGN = { seed: 'live', kernel: profile, firstRun: 0, endRun: 12, steps: 50 };
const options = { release: kernel.release, allowedHazards: [], drawn: true };
/** Known bugs that harm a kernel when they are shown. */
const HAZARDOUS = ['free-across-the-base', 'free-below-base', 'free-past-an-end-at-4-gib'];
const forever = { isOver: () => false, onProgress: () => undefined };

describe.skipIf(isMissing('arenas', tools))('on the running kernel', () => {
  // Second processes need the program as it is built; without them a trace has one process.
  const target = new ArenaTarget(
    thingOf(tools)!,
    pathToFileURL(join(PROJECT, 'dist', 'targets', 'live', 'peer-process.js')),
  );
  afterAll(() => target.close());
  const isKnown = arenaSuite.kernels.includes(profile);

  test.skipIf(!isKnown || !existsSync(ENTRY))(
    'drawn traces show what they show on the model, state included',
    async () => {
      const report = await lockStepCampaign(benchFor(arenaSuite, target, options), CAMPAIGN, forever);
      expect(report.finding).toBeUndefined();
      expect(report.runs).toBe(CAMPAIGN.endRun);
      expect(report.steps).toBeGreaterThan(200);
    },
  );

  test.skipIf(!isKnown || !existsSync(ENTRY))('a fault of the model is seen, and shrunk on both at once', async () => {
    const bench = benchFor(arenaSuite, target, options);
    const request = { ...CAMPAIGN, seed: 'fit', endRun: 12, fault: 'first-fit-instead-of-best' };
    const { finding } = await lockStepCampaign(bench, request, forever);
    expect(finding).toMatchObject({ kind: 'diverges', steps: 4 });
    expect(finding!.sentences[0]).toMatch(/^step 4: the model says 0x0, the kernel says 0x[1-9a-f]000$/);
    expect(finding!.text).toContain('expect: diverges');
  });

  test.skipIf(profile !== '6.18' || !existsSync(ENTRY))(
    'each known bug of 6.18 that harms nobody shows, by the command',
    async () => {
      const folder = 'corpus/kernel-bugs/6.18';
      const ended = await roxcheck(`replay ${folder} --target live --json`, { folder: PROJECT, suites: allSuites });
      const { traces } = documentOf(ended) as unknown as {
        traces: readonly { readonly path: string; readonly actual: string; readonly sentences: readonly string[] }[];
      };
      expect(traces.map(({ path }) => path)).toEqual(
        readdirSync(join(PROJECT, folder))
          .sort()
          .map((name) => join(folder, name)),
      );
      const other = traces.filter(({ actual }) => actual !== 'as on the model');
      expect(other.map(({ path }) => path)).toEqual(HAZARDOUS.map((name) => join(folder, `${name}.trace`)));
      for (const { actual, sentences } of other) {
        expect(actual).toBe('skipped');
        expect(sentences).toEqual([
          expect.stringMatching(/^1 step not performed: .* hazard arena-free-below-the-base/),
        ]);
      }
      expect(ended.exitCode).toBe(0);
    },
  );
});

test('what a run draws in lock-step can be drawn again without the kernel', () => {
  const suite = asOnKernel(arenaSuite, restrictionsOf(options));
  const machine = { cpus: '2', memory: '2048' };
  const request = { ...CAMPAIGN, kernel: '6.18', run: 3 };
  const whole = redrawn(suite, { ...request, performed: 40 }, machine);
  expect(whole.length).toBeGreaterThan(10);
  expect(redrawn(suite, { ...request, performed: 10 }, machine)).toEqual(whole.slice(0, 10));
});

test('what is drawn stays in its zone, frees nothing below a base and takes no hundreds of pages', () => {
  const allowed = restrictionsOf(options);
  const accepted: ArenaCall[] = [];
  const suite = asOnKernel(arenaSuite, (world, call) => {
    const isAccepted = allowed(world, call);
    if (isAccepted) accepted.push(call);
    return isAccepted;
  });
  for (let run = 0; run < 60; run++) {
    redrawn(suite, { ...CAMPAIGN, kernel: '6.18', run, performed: 50 }, { cpus: '2', memory: '2048' });
  }
  const low = (address: bigint) => address % 2n ** 32n;
  for (const call of accepted) {
    if ('process' in call && 'address' in call) expect(ZONES).toContain(call.address >> 40n);
    if (call.call === 'free-pages') expect(low(call.address) >= low(call.program.arena.userStart)).toBe(true);
    if (call.call === 'alloc-pages') expect(call.count <= 300 || call.count > call.program.arena.userPages).toBe(true);
    if (call.call === 'mmap') expect(call.arena.arena.attributes.mapExtra < 2n ** 47n).toBe(true);
  }
  expect(new Set(accepted.map(({ call }) => call)).size).toBeGreaterThan(18);
});
