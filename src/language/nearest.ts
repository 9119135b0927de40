/**
 * Spelling help for whoever mistypes a name: the known name that lies nearest, when one lies near.
 */

/** No name of ours is longer; a longer one was not mistyped but is something else. */
const LONGEST_NAME = 80;

/** As many names as a message lists in full. */
const FEW = 12;

/** The known name with the fewest edits to the given one; undefined when even that needs more than a third of it. */
export function nearest(given: string, known: Iterable<string>): string | undefined {
  if (given.length > LONGEST_NAME) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const name of known) {
    if (Math.abs(name.length - given.length) >= bestDistance) continue;
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Says that no such thing exists: with the nearest name, with all names when they are few, or with some and their number. */
export function unknownName(what: string, wrong: string, known: Iterable<string>): string {
  const given = wrong.slice(0, LONGEST_NAME + 1);
  const names = [...known];
  const shown = JSON.stringify(given.length > LONGEST_NAME ? `${given.slice(0, LONGEST_NAME)}...` : given);
  // A version number is a name too, and every other one is near: then the list says more than a guess.
  const guesses = given.length > 4 || names.length > FEW;
  const near = guesses ? nearest(given, names) : undefined;
  if (near !== undefined) return `there is no ${what} ${shown}; did you mean "${near}"?`;
  if (names.length === 0) return `there is no ${what} ${shown}; none is known here`;
  if (names.length <= FEW) return `there is no ${what} ${shown}; known are ${names.join(', ')}`;
  const closest = names.toSorted((left, right) => editDistance(given, left) - editDistance(given, right)).slice(0, 3);
  return `there is no ${what} ${shown}; ${names.length} are known, among them ${closest.join(', ')}`;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const replaced = row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[right.length]!;
}
