/** In how many of how many runs something happened. */
export interface Frequency {
  readonly runs: number;
  readonly met: number;
}

/** `often`: in at least the share. `rare`: in less. `undecided`: so few runs do not tell. */
export type FrequencyVerdict = 'often' | 'rare' | 'undecided';

/**
 * Whether something happens in at least a share of the runs: A. Wald's sequential probability ratio test of that share
 * against half of it. It may be looked at after any number of runs, as often as one likes: what happens often enough is called
 * rare with a probability below {@link FALSE_ALARM} in all (for a ratio of likelihoods, Ville's inequality), and what happens
 * half as often or less is called often with one below {@link MISSED}. Something that never happens is rare after 34 runs
 * where it should be in half of them, after 256 for a tenth, after 2,742 for a hundredth.
 */
export function judgeFrequency({ runs, met }: Frequency, share: number): FrequencyVerdict {
  const less = share / 2;
  const evidence = met * Math.log(less / share) + (runs - met) * Math.log((1 - less) / (1 - share));
  if (evidence >= -Math.log(FALSE_ALARM)) return 'rare';
  return evidence <= Math.log(MISSED) ? 'often' : 'undecided';
}

const FALSE_ALARM = 1e-6;
const MISSED = 1e-3;
