import { type CaseGroup, hasFailed } from './findings-for-tools.ts';

/**
 * Workflow commands of GitHub Actions: each failed case becomes an error that is shown beside the saved trace or in the
 * summary. What passed or was skipped annotates nothing.
 */
export function github(groups: readonly CaseGroup[]): string {
  const commands = groups.flatMap(({ name: group, cases }) =>
    cases.flatMap(({ name, outcome }) => {
      if (!hasFailed(outcome)) return [];
      const { message, details, file } = outcome;
      const place = file === undefined ? [] : [`file=${property(file)}`, 'line=1'];
      const parameters = [...place, `title=${property(`${group}: ${name}`)}`].join(',');
      return [`::error ${parameters}::${data([message, ...details].join('\n'))}\n`];
    }),
  );
  return commands.join('');
}

/** The runner reads a command up to the end of its line, and undoes these escapes. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Parameters end at a comma or a colon. */
function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
