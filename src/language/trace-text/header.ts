import { nearest, unknownName } from '../nearest.ts';
import type { AnySuite, MachineSettings } from '../suite.ts';
import type { Expectation, TraceHeader } from '../trace.ts';
import { type Lexicon, lexiconOfSuite } from './lexicon.ts';
import type { Scanner } from './scanner.ts';

/**
 * The `key: value` lines at the head of a trace, both ways. They are gathered as they come and understood together,
 * because `suite` decides which kernels, laws and faults the other lines may name, wherever it stands.
 */

/** A line of the head as read: its value and where key and value begin. */
export interface HeaderLine {
  readonly value: string;
  readonly keyAt: number;
  readonly valueAt: number;
}

/** The only format there is so far; a trace without a `format` line has it. */
const FORMAT = '1';

const KEYS = ['format', 'kernel', 'machine', 'suite', 'seed', 'fault', 'expect'];

/** Demands that the key is known and new. */
export function checkKey(scanner: Scanner, key: string, at: number, lines: ReadonlyMap<string, HeaderLine>): void {
  if (!KEYS.includes(key)) {
    const near = nearest(key, KEYS);
    const help = near === undefined ? `the keys are ${KEYS.join(', ')}` : `did you mean "${near}"?`;
    scanner.fail(`a trace has no header line "${key}"; ${help}`, at);
  }
  if (lines.has(key)) scanner.fail(`the header line "${key}" stands here for the second time`, at);
}

/** Understands the gathered lines. Answers with the header and the names that the steps may use. */
export function readHeader(
  scanner: Scanner,
  lines: ReadonlyMap<string, HeaderLine>,
  lexicon: Lexicon,
): { readonly header: TraceHeader; readonly scope: Lexicon } {
  const format = lines.get('format');
  if (format !== undefined && format.value !== FORMAT) {
    scanner.fail(`this release reads format ${FORMAT}, not ${JSON.stringify(format.value)}`, format.valueAt);
  }
  const suiteName = known(scanner, lines, 'suite', new Set(lexicon.suites.keys()));
  const suite = suiteName === undefined ? undefined : lexicon.suites.get(suiteName);
  const scope = suite === undefined ? lexicon : lexiconOfSuite(suite);
  const machine = lines.get('machine');
  const seed = lines.get('seed');
  const expectation = lines.get('expect');
  const kernel = known(scanner, lines, 'kernel', scope.kernels, suite);
  const fault = knownFaults(scanner, lines, scope.faults, suite);
  const header = {
    ...(kernel !== undefined && { kernel }),
    ...(machine !== undefined && { machine: readMachine(scanner, machine) }),
    ...(suiteName !== undefined && { suite: suiteName }),
    ...(seed !== undefined && { seed: readSeed(scanner, seed) }),
    ...(fault !== undefined && { fault }),
    ...(expectation !== undefined && { expect: readExpectation(scanner, expectation, scope) }),
  };
  return { header, scope };
}

/** The name that a line gives, if there is such a line and the name is known. */
function known(
  scanner: Scanner,
  lines: ReadonlyMap<string, HeaderLine>,
  key: string,
  names: ReadonlySet<string>,
  suite?: AnySuite,
): string | undefined {
  const line = lines.get(key);
  if (line === undefined || names.has(line.value)) return line?.value;
  const what = suite === undefined ? key : `${key} of the suite ${suite.name} called`;
  return scanner.fail(unknownName(what, line.value, names), line.valueAt);
}

/** The faults that the line gives, with commas between them. */
function knownFaults(
  scanner: Scanner,
  lines: ReadonlyMap<string, HeaderLine>,
  names: ReadonlySet<string>,
  suite: AnySuite | undefined,
): string | undefined {
  const line = lines.get('fault');
  if (line?.value.includes(',') !== true) return known(scanner, lines, 'fault', names, suite);
  let { valueAt } = line;
  for (const value of line.value.split(',')) {
    known(scanner, new Map([['fault', { ...line, value, valueAt }]]), 'fault', names, suite);
    valueAt += value.length + 1;
  }
  return line.value;
}

/** `key=value` words, split at blanks. Which keys there are is the suite's to say, when it boots. */
function readMachine(scanner: Scanner, line: HeaderLine): MachineSettings {
  const settings = new Map<string, string>();
  for (const { 0: word, index } of line.value.matchAll(/\S+/g)) {
    const at = line.valueAt + index;
    const equals = word.indexOf('=');
    if (equals < 1 || equals === word.length - 1) scanner.expected('a machine setting as key=value', at);
    const key = word.slice(0, equals);
    if (settings.has(key)) scanner.fail(`the machine setting "${key}" stands here for the second time`, at);
    settings.set(key, word.slice(equals + 1));
  }
  return Object.fromEntries(settings);
}

function readSeed(scanner: Scanner, { value, valueAt }: HeaderLine): string {
  if (!value.startsWith('"')) return value;
  try {
    const seed: unknown = JSON.parse(value);
    if (typeof seed === 'string') return seed;
  } catch {
    // Falls through to the one message for whatever is wrong with the quotes.
  }
  return scanner.fail('expected the seed as a word or as a JSON string', valueAt);
}

function readExpectation(scanner: Scanner, { value, valueAt }: HeaderLine, scope: Lexicon): Expectation {
  const [kind, name, ...more] = value.split(/\s+/);
  const demandKnown = (what: string, names: ReadonlySet<string>): string => {
    if (name === undefined) return scanner.fail(`expected the name of a ${what} behind "${kind}"`, valueAt);
    return names.has(name) ? name : scanner.fail(unknownName(what, name, names), valueAt);
  };
  if (more.length === 0) {
    if (kind === 'violates') return { kind, law: demandKnown('law', scope.laws) };
    if (kind === 'known') return { kind, bug: demandKnown('kernel bug', scope.kernelBugs) };
    if ((kind === 'holds' || kind === 'diverges') && name === undefined) return { kind };
  }
  return scanner.fail(
    `expected "holds", "violates LAW", "known BUG" or "diverges", found ${JSON.stringify(value)}`,
    valueAt,
  );
}

/** Prints the header's lines in their fixed order. */
export function printHeader({ kernel, machine, suite, seed, fault, expect }: TraceHeader): string[] {
  const settings = Object.entries(machine ?? {}).map(([key, value]) => `${key}=${value}`);
  const lines: [key: string, value: string | undefined][] = [
    ['kernel', kernel],
    ['machine', settings.length === 0 ? undefined : settings.join(' ')],
    ['suite', suite],
    ['seed', seed === undefined || PLAIN_SEED.test(seed) ? seed : quoteSeed(seed)],
    ['fault', fault],
    ['expect', expect && printExpectation(expect)],
  ];
  return lines.filter(([, value]) => value !== undefined).map(([key, value]) => `${key}: ${value}`);
}

const PLAIN_SEED = /^[\w.:/+-]+$/;

/** As a JSON string without `#`, which could begin a comment. */
function quoteSeed(seed: string): string {
  return JSON.stringify(seed).replaceAll('#', '\\u0023');
}

/** As it stands in a trace's head: `holds`, `violates LAW`, `known BUG`, `diverges`. */
export function printExpectation(expect: Expectation): string {
  switch (expect.kind) {
    case 'violates':
      return `violates ${expect.law}`;
    case 'known':
      return `known ${expect.bug}`;
    default:
      return expect.kind;
  }
}
