import { expect, test } from 'vitest';
import type { CampaignRecord } from '../../src/engine/campaign/campaign.ts';
import { isSameBug } from '../../src/engine/campaign/failure-shape.ts';
import type { CampaignJob, Minimal } from '../../src/engine/campaign/task.ts';
import { Session } from '../../src/engine/session.ts';
import { arenaSuite } from '../../src/lab/suites/arena.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { campaign } from './lanes.ts';

/** Ten that do not replace the same decision and do not hide each other: any of them shows while all are planted. */
const TEN = [
  'neighbours-not-joined',
  'old-contents-shown',
  'crossing-checked-before-size',
  'fork-copies-area',
  'range-forgotten-at-unmap',
  'reserved-twice',
  'slots-stay-taken',
  'page-without-reference',
  'record-outlives-area',
  'program-loaded-without-address',
];

/** With this seed each of them shows within few runs; any other needs at most the suite's own budget for that. */
const job: CampaignJob = {
  suite: 'arena',
  kernel: arenaSuite.kernels[0]!,
  machine: {},
  fault: TEN.join(','),
  seed: 'alpha',
  steps: arenaSuite.steps,
};

const sessions = new Map(TEN.map((name) => [name, withoutFault(name)]));

function withoutFault(name: string): Session {
  const others = TEN.filter((one) => one !== name).join(',');
  return new Session(arenaSuite, { kernel: job.kernel, fault: others }) as unknown as Session;
}

/** The planted bugs that the failure needs: without one of them, the same law no longer breaks. */
function culprits({ trace, violation }: Minimal): readonly string[] {
  const { steps } = parseTrace(trace, [arenaSuite]);
  return TEN.filter((name) => {
    const session = sessions.get(name)!;
    session.reset();
    for (const step of steps) if (session.violation === undefined) session.perform(step);
    return session.violation?.law !== violation.law;
  });
}

test('ten planted bugs are all found, and no finding hides another', async () => {
  const ran = await campaign([arenaSuite], [job], { runs: 24, lanes: 2 });
  const [{ findings }] = ran.campaign.progress as [(typeof ran.campaign.progress)[0]];
  const isShrunk = (record: CampaignRecord) => 'minimal' in record;
  const shrunk = ran.records.filter(isShrunk).map((record) => (record as { minimal: Minimal }).minimal);
  const told = shrunk.map((minimal) => ({
    culprits: culprits(minimal),
    finding: findings.findIndex((one) => isSameBug(one.minimal.shape, minimal.shape)),
  }));
  const pairs = told.flatMap((one, index) => told.slice(0, index).map((other) => [one, other] as const));
  const together = pairs.filter(([one, other]) => one.finding === other.finding);
  // A failure that needs two of the bugs is rightly put to either.
  const right = together.filter(([one, other]) => one.culprits.some((name) => other.culprits.includes(name)));
  const precision = right.length / together.length;
  const owners = findings.map(({ minimal }) => culprits(minimal).join(' and '));
  const recall = TEN.filter((name) => owners.includes(name)).length / TEN.length;
  const met = findings.reduce((sum, { count }) => sum + count, 0);
  console.log(
    `${met} failures of ${TEN.length} faults, ${shrunk.length} shrunk, ${findings.length} findings: ` +
      `precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}; faults of the findings: ${owners.join(', ')}`,
  );
  expect(precision).toBeGreaterThanOrEqual(0.95);
  expect(recall).toBeGreaterThanOrEqual(0.95);
  expect(findings.length).toBeLessThanOrEqual(2 * TEN.length);
});
