/**
 * Measuring: arms take turns, so that whatever disturbs a machine disturbs all of them alike, and only ratios within a round
 * count. Time is the processor's, garbage collection included: on a shared machine the clock measures the neighbours.
 */

/** One way of doing a piece of work: does it once and returns how many steps it performed. */
export type Arm = () => number;

/** Nanoseconds of processor time per step: for each arm, one figure a round. */
export function nanosecondsPerStep<Name extends string>(
  arms: Readonly<Record<Name, Arm>>,
  { rounds, warmUps = 3 }: { readonly rounds: number; readonly warmUps?: number },
): Readonly<Record<Name, readonly number[]>> {
  const names = Object.keys(arms) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -warmUps; round < rounds; round++) {
    // Every other round goes backwards, so that no arm always follows the same one.
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const started = process.cpuUsage();
      const steps = arms[name]();
      const { user, system } = process.cpuUsage(started);
      const nanoseconds = ((user + system) * 1000) / steps;
      if (round >= 0) times[name].push(nanoseconds);
    }
  }
  return times;
}

/** The median of the ratios of each round. */
export function medianRatio(over: readonly number[], under: readonly number[]): number {
  return median(over.map((value, round) => value / under[round]!));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
