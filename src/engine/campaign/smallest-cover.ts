/** One of several things that cover something, at a cost. */
export interface Covering {
  readonly points: ReadonlySet<string>;
  readonly cost: number;
}

/**
 * A small part of the items that covers every point that all of them cover: those that alone cover something, then whichever
 * covers most that is missing (the cheaper of two), and at last without any that the others make superfluous, the dearest
 * first. No item of the answer can be left out; finding the very smallest answer is intractable (set cover).
 */
export function smallestCover<Item extends Covering>(items: readonly Item[]): readonly Item[] {
  const owners = new Map<string, number>();
  for (const { points } of items) for (const point of points) owners.set(point, (owners.get(point) ?? 0) + 1);
  const isAlone = ({ points }: Item) => [...points].some((point) => owners.get(point) === 1);
  const chosen = items.filter(isAlone);
  const missing = new Set(owners.keys());
  const cover = ({ points }: Item) => points.forEach((point) => void missing.delete(point));
  chosen.forEach(cover);
  const gain = ({ points }: Item) => [...points].filter((point) => missing.has(point)).length;
  const others = items.filter((item) => !isAlone(item));
  while (missing.size > 0) {
    const best = others.reduce((one, other) => (isBetter(other, one, gain) ? other : one));
    chosen.push(best);
    cover(best);
  }
  const kept = withoutSuperfluous(chosen);
  return items.filter((item) => kept.has(item));
}

function isBetter<Item extends Covering>(one: Item, other: Item, gain: (item: Item) => number): boolean {
  const difference = gain(one) - gain(other);
  return difference === 0 ? one.cost < other.cost : difference > 0;
}

function withoutSuperfluous<Item extends Covering>(chosen: readonly Item[]): ReadonlySet<Item> {
  const times = new Map<string, number>();
  for (const { points } of chosen) for (const point of points) times.set(point, (times.get(point) ?? 0) + 1);
  const kept = new Set(chosen);
  for (const item of chosen.toSorted((one, other) => other.cost - one.cost)) {
    if (![...item.points].every((point) => times.get(point)! > 1)) continue;
    kept.delete(item);
    for (const point of item.points) times.set(point, times.get(point)! - 1);
  }
  return kept;
}
