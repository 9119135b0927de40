/** Releases of Linux as uname(2) names them, and their order. */

/** The numbers that a release begins with: `6.18.44` of `6.18.44-generic`. */
export function versionOf(release: string): string {
  return /^\d+(?:\.\d+)*/.exec(release)?.[0] ?? '0';
}

/** Orders versions by their numbers, a missing number counting as 0: negative where `left` is the older one. */
export function compareVersions(left: string, right: string): number {
  const [mine, other] = [left.split('.').map(Number), right.split('.').map(Number)];
  for (let part = 0; part < Math.max(mine.length, other.length); part++) {
    const difference = (mine[part] ?? 0) - (other[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
