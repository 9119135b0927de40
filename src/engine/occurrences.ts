import type { Happened } from '../language/invariant.ts';
import type { Occurrence } from '../language/occurrence.ts';
import { type Frequency, type FrequencyVerdict, judgeFrequency } from './sequential-test.ts';

/** Watches for what the runs of a suite should meet, and counts the runs that met it. */
export class Occurrences<World> {
  readonly #all: readonly Watched<World>[];
  #runs = 0;

  constructor(all: readonly Occurrence<World>[]) {
    this.#all = all.map((occurrence) => ({ occurrence, isMet: false, met: 0 }));
  }

  /** Looks at the step just performed. */
  look(world: World, happened: Happened): void {
    for (const watched of this.#all) {
      const { isMet, occurrence } = watched;
      if (isMet || occurrence.after?.includes(happened.operation.name) === false) continue;
      if (occurrence.happens(world, happened)) watched.isMet = true;
    }
  }

  /** The run under way counts, and another begins. */
  endRun(): void {
    this.#runs++;
    for (const watched of this.#all) {
      if (watched.isMet) watched.met++;
      watched.isMet = false;
    }
  }

  /** By name. */
  frequencies(): ReadonlyMap<string, Frequency> {
    return new Map(this.#all.map(({ occurrence: { name }, met }) => [name, { runs: this.#runs, met }]));
  }
}

interface Watched<World> {
  readonly occurrence: Occurrence<World>;
  isMet: boolean;
  met: number;
}

/** What the counts say of one occurrence. One that should only happen sometimes is rare when it did not in the whole budget. */
export function judgeOccurrence(
  { share }: Pick<Occurrence<never>, 'share'>,
  frequency: Frequency,
  isFullBudget: boolean,
): FrequencyVerdict {
  if (share !== undefined) return judgeFrequency(frequency, share);
  if (frequency.met > 0) return 'often';
  return isFullBudget ? 'rare' : 'undecided';
}

/** Why a suite's runs are not what they should be; undefined when nothing is known to be rare. */
export function rarities<World>(
  all: readonly Occurrence<World>[],
  frequencies: ReadonlyMap<string, Frequency>,
  isFullBudget: boolean,
): string | undefined {
  const rare = all.flatMap((occurrence) => {
    const { name, says, share } = occurrence;
    const frequency = frequencies.get(name);
    if (frequency === undefined || judgeOccurrence(occurrence, frequency, isFullBudget) !== 'rare') return [];
    const wanted =
      share === undefined ? 'at least once' : `in at least ${Number((100 * share).toPrecision(2))} % of them`;
    return [`${name} in ${frequency.met} of ${frequency.runs} runs, wanted ${wanted}: ${says}`];
  });
  return rare.length === 0 ? undefined : `happens too rarely: ${rare.join('; ')}`;
}
