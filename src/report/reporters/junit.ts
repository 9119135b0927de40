import { type CaseGroup, type CaseOutcome, countOf, type ReportedCase } from './findings-for-tools.ts';

/**
 * JUnit XML as continuous integration reads it (the schema of Jenkins' xUnit plug-in, junit-10.xsd): one `testsuite` for a
 * group, one `testcase` for a law or a trace. What a command spent on one case is not known, so times stand at groups only.
 */
export function junit(groups: readonly CaseGroup[]): string {
  const all = groups.flatMap(({ cases }) => cases);
  const seconds = groups.reduce((sum, group) => sum + group.seconds, 0);
  const head = attributes({ name: 'roxcheck', ...totals(all), time: seconds.toFixed(3) });
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites${head}>`, ...groups.flatMap(suite)];
  return `${[...lines, '</testsuites>'].join('\n')}\n`;
}

function suite({ name, seconds, properties, cases }: CaseGroup): readonly string[] {
  const head = attributes({ name, ...totals(cases), skipped: countOf(cases, 'skipped'), time: seconds.toFixed(3) });
  const given = Object.entries(properties).map(
    ([key, value]) => `      <property${attributes({ name: key, value })}/>`,
  );
  const block = given.length === 0 ? [] : ['    <properties>', ...given, '    </properties>'];
  return [`  <testsuite${head}>`, ...block, ...cases.flatMap((one) => testCase(name, one)), '  </testsuite>'];
}

function testCase(classname: string, { name, outcome }: ReportedCase): readonly string[] {
  const head = attributes({ name, classname });
  const child = childOf(outcome);
  return child === undefined ? [`    <testcase${head}/>`] : [`    <testcase${head}>`, child, '    </testcase>'];
}

function childOf(outcome: CaseOutcome): string | undefined {
  switch (outcome.kind) {
    case 'passed':
      return undefined;
    case 'skipped':
      return `      <skipped${attributes({ message: outcome.reason })}/>`;
    default: {
      const element = outcome.kind === 'failed' ? 'failure' : 'error';
      const type = outcome.kind === 'failed' ? 'violation' : 'error';
      const text = [...outcome.details, ...(outcome.file === undefined ? [] : ['', outcome.file])].join('\n');
      return `      <${element}${attributes({ message: outcome.message, type })}>${escaped(text)}</${element}>`;
    }
  }
}

function totals(cases: readonly ReportedCase[]) {
  return { tests: cases.length, failures: countOf(cases, 'failed'), errors: countOf(cases, 'error') };
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value)).replaceAll('\n', '&#10;').replaceAll('\t', '&#9;')}"`)
    .join('');
}

/** XML has no way to write most control characters, lone surrogates and U+FFFE, U+FFFF; they become U+FFFD. */
function escaped(text: string): string {
  return text
    .replace(NOT_IN_XML, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

const NOT_IN_XML = /[^\t\n\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;
