import { type CaseGroup, hasFailed, type ReportedCase } from './findings-for-tools.ts';

/**
 * KTAP version 1, the kernel's own test output (Documentation/dev-tools/ktap.rst), as kselftest and KUnit print it: a group
 * is a test whose cases are subtests. Diagnostics stand above the result that they are about.
 */
export function ktap(groups: readonly CaseGroup[]): string {
  const lines = ['KTAP version 1', `1..${groups.length}`];
  for (const [index, group] of groups.entries()) lines.push(...groupLines(group, index + 1));
  return `${lines.join('\n')}\n`;
}

function groupLines({ name, cases, properties }: CaseGroup, number: number): readonly string[] {
  const failed = cases.some(({ outcome }) => hasFailed(outcome));
  const skipped = cases.length > 0 && cases.every(({ outcome }) => outcome.kind === 'skipped');
  const given = Object.entries(properties).map(([key, value]) => `# ${key}: ${oneLine(value)}`);
  const inner = ['KTAP version 1', `1..${cases.length}`, ...given];
  for (const [index, one] of cases.entries()) inner.push(...caseLines(one, index + 1));
  return [...inner.map((line) => `    ${line}`), result(!failed, number, name, skipped ? 'SKIP' : undefined)];
}

function caseLines({ name, outcome }: ReportedCase, number: number): readonly string[] {
  if (outcome.kind === 'skipped') return [result(true, number, name, `SKIP ${oneLine(outcome.reason)}`)];
  if (!hasFailed(outcome)) return [result(true, number, name)];
  const { message, details, file } = outcome;
  const said = [message, ...details, ...(file === undefined ? [] : [`saved as ${file}`])];
  return [
    ...said.flatMap((text) => text.split('\n')).map((line) => `# ${printable(line)}`.trimEnd()),
    result(false, number, name, outcome.kind === 'error' ? 'ERROR' : undefined),
  ];
}

/** A `#` behind the name begins a directive, so a name has none. */
function result(ok: boolean, number: number, name: string, directive?: string): string {
  const plain = oneLine(name).replaceAll('#', '_');
  return `${ok ? 'ok' : 'not ok'} ${number} ${plain}${directive === undefined ? '' : ` # ${directive}`}`;
}

function oneLine(text: string): string {
  return printable(text.replaceAll(/\s+/g, ' ').trim());
}

/** Control characters would let a message pass for a line of the protocol, or move a terminal's cursor. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\ufffd');
}
