import { type Argument, type Draft, integer } from '../language/argument.ts';

/** The longest program that is drawn: a dedicated area of some pages above 2 MiB. */
const LONGEST = 2_200_000;

/**
 * Bytes of a program's image. Typical lengths follow a fleet: half below 500 bytes, three quarters below 2 KiB (cover letter
 * of "execmem_alloc for BPF programs", November 2022), a tail that now and then reaches past a whole pack.
 */
export const programLength: Argument<number> = integer({
  min: 0,
  max: LONGEST,
  simplest: 40,
  boundaries: [1, 40, 41, 63, 64, 65, 104, 4096],
  typical: fleetLength,
});

/** The lengths at which the header, the padding and the pack size meet. */
const AROUND_A_PACK = [2_097_128, 2_097_129, 2_097_151, 2_097_152, 2_097_153, LONGEST];

/** A run that keeps to small sizes never leaves the first three quarters, and so stays quick. */
function fleetLength({ random, sizeLean }: Draft): number {
  const share = random.unit();
  if (share < 0.5) return random.between(16, 499);
  if (share < 0.75 || sizeLean < 0.1) return random.between(500, 2047);
  if (share < 0.985 || sizeLean < 0.5) return Math.floor(2048 * 32 ** random.unit());
  if (share < 0.995) return Math.floor(65_536 * 32 ** random.unit());
  return random.pick(AROUND_A_PACK);
}

/** Lengths that are drawn as often as they were counted: pairs of a length and its count, for suites with a population of their own. */
export function lengthsAsCounted(population: readonly (readonly [length: number, count: number])[]): Argument<number> {
  const total = population.reduce((sum, [, count]) => sum + count, 0);
  return integer({
    min: 0,
    max: LONGEST,
    simplest: 40,
    typical({ random }) {
      let target = random.below(total);
      for (const [length, count] of population) {
        target -= count;
        if (target < 0) return length;
      }
      return population[population.length - 1]![0];
    },
  });
}
