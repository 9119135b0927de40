import { type CaseGroup, countOf } from './findings-for-tools.ts';

/** JSON lines (jsonlines.org): one object for each case as `event: case`, and one for each group behind its cases. */
export function jsonLines(groups: readonly CaseGroup[]): string {
  return groups
    .flatMap(({ name: group, seconds, properties, cases }) => [
      ...cases.map(({ name, outcome: { kind, ...more } }) => ({ event: 'case', group, name, outcome: kind, ...more })),
      {
        event: 'group',
        group,
        seconds,
        ...properties,
        cases: cases.length,
        failed: countOf(cases, 'failed'),
        errors: countOf(cases, 'error'),
        skipped: countOf(cases, 'skipped'),
      },
    ])
    .map((event) => `${JSON.stringify(event)}\n`)
    .join('');
}
