import { predicted, sameVerdict, type Verdict, verdictOf } from './core-comparison.ts';
import type { CoreLoad } from './core-load.ts';
import { type CorePlan, plainer } from './core-plan.ts';
import { loadOfPlan } from './core-plan-load.ts';
import type { CoreRecorder, PriorQuestion } from './core-recorder.ts';
import type { ModelledKernel } from './modelled-load.ts';

/** A plan that the model and the kernel do not answer alike. */
export interface CoreDivergence {
  readonly plan: CorePlan;
  readonly load: CoreLoad;
  readonly model: Verdict;
  readonly kernel: Verdict;
}

/** What was performed so far. */
export interface CoreTally {
  readonly runs: number;
  readonly records: number;
  /** Loads that went through, with every instruction read back; the others were refused with an errno. */
  readonly loaded: number;
  readonly withheld: number;
  /** Loads that came out otherwise than they would have without a question before them. */
  readonly known: number;
}

/** Plans one after the other, each built, loaded by the running kernel and by the model, and compared. */
export class CoreCampaign {
  readonly #recorder: CoreRecorder;
  readonly #profile: ModelledKernel;
  #tally: CoreTally = { runs: 0, records: 0, loaded: 0, withheld: 0, known: 0 };

  constructor(recorder: CoreRecorder, profile: ModelledKernel) {
    this.#recorder = recorder;
    this.#profile = profile;
  }

  get tally(): CoreTally {
    return this.#tally;
  }

  /** Performs a plan and counts it; what differs is performed again before it is believed. */
  attempt(plan: CorePlan): CoreDivergence | undefined {
    const { kernelTypes } = this.#recorder.loader;
    const load = loadOfPlan(plan, kernelTypes);
    const prior = priorOf(plan);
    const model = predicted(load, prior, this.#profile, kernelTypes);
    let kernel = verdictOf(this.#recorder.glance(load, prior));
    // Somebody else's load may have come between.
    if (kernel !== undefined && !sameVerdict(model, kernel)) kernel = verdictOf(this.#recorder.observe(load, prior));
    if (kernel === undefined) {
      this.#tally = { ...this.#tally, withheld: this.#tally.withheld + 1 };
      return undefined;
    }
    const alone = prior.length === 0 ? kernel : predicted(load, [], this.#profile, kernelTypes);
    const { runs, records, loaded, withheld, known } = this.#tally;
    this.#tally = {
      runs: runs + 1,
      records: records + load.records.count,
      loaded: loaded + Number(kernel.ok),
      withheld,
      known: known + Number(!sameVerdict(kernel, alone)),
    };
    return sameVerdict(model, kernel) ? undefined : { plan, load, model, kernel };
  }

  /** Takes the first plainer plan that differs as well, until none does. What that takes is not counted. */
  shrink(found: CoreDivergence): CoreDivergence {
    const counted = this.#tally;
    try {
      for (const plan of plainer(found.plan)) {
        const again = this.attempt(plan);
        if (again !== undefined) return this.shrink(again);
      }
      return found;
    } finally {
      this.#tally = counted;
    }
  }
}

/** The questions that come before a plan's load. */
export const priorOf = ({ prior }: CorePlan): readonly PriorQuestion[] => (prior === undefined ? [] : [prior]);
