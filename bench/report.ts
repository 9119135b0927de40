import { shrinkCounts } from './shrink-counts.ts';
import { costOfLength, harnessAgainstPeer, performingAgainstCalling } from './speed.ts';

/** Measures all there is and prints it: tables for people, then one JSON document. */
export function measureEverything(rounds: number): void {
  const ratios = [
    ...harnessAgainstPeer(rounds),
    ...performingAgainstCalling(2 * rounds + 1),
    ...costOfLength(Math.min(rounds, 5)),
  ];
  console.table(ratios.map(({ name, ratio, wanted }) => ({ ratio: name, measured: ratio.toFixed(2), wanted })));
  const shrinking = shrinkCounts(20);
  console.table(shrinking);
  const { node, v8 } = process.versions;
  console.log(JSON.stringify({ node, v8, cpus: process.arch, rounds, ratios, shrinking }));
}
