import { Random } from '../../src/base/seed.ts';
import { Campaign, type CampaignOptions, type CampaignRecord } from '../../src/engine/campaign/campaign.ts';
import { Lane } from '../../src/engine/campaign/lane.ts';
import type { CampaignJob, RunsTask, ShrinkTask, TaskResult } from '../../src/engine/campaign/task.ts';
import type { AnySuite } from '../../src/language/suite.ts';

/** How a campaign went, for comparing. */
export interface Ran {
  readonly campaign: Campaign;
  readonly records: readonly CampaignRecord[];
  readonly losses: readonly string[];
}

/** A campaign in lanes that finish in an order drawn from `chance`: what threads do by chance happens here by plan. */
export async function campaign(
  suites: readonly AnySuite[],
  jobs: readonly CampaignJob[],
  options: Partial<Pick<CampaignOptions, 'lanes' | 'isOver' | 'isInterrupted' | 'now'>> & {
    readonly runs: number;
    readonly chance?: string;
    readonly records?: readonly CampaignRecord[];
    readonly fail?: (task: RunsTask | ShrinkTask) => void;
  },
): Promise<Ran> {
  const random = new Random(options.chance ?? 'chance');
  const idle: Lane[] = [];
  const records: CampaignRecord[] = [];
  const losses: string[] = [];
  let clock = 0;
  const perform = async (task: RunsTask | ShrinkTask): Promise<TaskResult> => {
    const lane = idle.pop() ?? new Lane(suites);
    for (let wait = random.below(8); wait > 0; wait--) await new Promise<void>((resume) => setImmediate(resume));
    try {
      options.fail?.(task);
      // Through JSON, as everything goes that a journal keeps or another thread sends.
      return JSON.parse(JSON.stringify(await lane.perform(task))) as TaskResult;
    } finally {
      idle.push(lane);
    }
  };
  const ran = new Campaign({
    jobs,
    runs: jobs.map(() => options.runs),
    lanes: options.lanes ?? 1,
    perform,
    now: options.now ?? (() => (clock += 60)),
    isOver: options.isOver ?? (() => false),
    isInterrupted: options.isInterrupted ?? (() => false),
    keep: (record) => void records.push(record),
    onFinding: () => undefined,
    onLoss: (loss) => void losses.push(loss),
    onProgress: () => undefined,
  });
  ran.resume(options.records ?? []);
  await ran.run();
  return { campaign: ran, records, losses };
}

/** All that a user sees of a campaign's outcome. */
export function outcome({ campaign: { progress } }: Ran) {
  return progress.map(({ runs, steps, findings, known, covered, judged, operations, bugs }) => ({
    runs,
    steps,
    findings: findings.map(({ minimal, first, count }) => ({ minimal, first, count })),
    known: [...known].sort(),
    covered: [...covered].sort(),
    judged: [...judged],
    operations: [...operations],
    bugs,
  }));
}
