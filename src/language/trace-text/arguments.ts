import { Expected } from '../argument.ts';
import { unknownName } from '../nearest.ts';
import type { Parameter, Signature } from './lexicon.ts';
import {
  CLOSE_BRACE,
  CLOSE_PARENTHESIS,
  COLON,
  COMMA,
  HASH,
  NEWLINE,
  OPEN_BRACE,
  OPEN_PARENTHESIS,
  type Scanner,
} from './scanner.ts';
import { readValue } from './value.ts';

/** The results that the steps above made, by name. */
export type Results = Map<string, { readonly id: number; readonly kind: string; readonly at: number }>;

/** What stands between an operation's name and the end of its line. */
interface GivenArguments {
  /** In declared order, defaults filled in; results as their numbers. */
  readonly args: Readonly<Record<string, unknown>>;
  /** Comments within a block; they are kept above the step. */
  readonly comments: readonly string[];
}

/**
 * Reads `(result, ..., name: value, ...)` and the block behind it, if one follows. Results that are used stand first, in
 * the order in which the operation declares them; whatever is not given takes its default.
 */
export function readArguments(scanner: Scanner, signature: Signature, results: Results): GivenArguments {
  const values: unknown[] = new Array(signature.takes.length).fill(undefined);
  scanner.skipBlanks();
  const hasList = scanner.take(OPEN_PARENTHESIS);
  if (hasList) readList(scanner, signature, results, values);
  else if (scanner.peek() !== OPEN_BRACE) scanner.expected('"("');
  const end = hasList ? scanner.at - 1 : scanner.at;
  scanner.skipBlanks();
  const comments = scanner.peek() === OPEN_BRACE ? readBlock(scanner, signature, values) : NONE;
  return { args: complete(scanner, signature, values, end), comments };
}

const NONE: readonly string[] = [];

function readList(scanner: Scanner, signature: Signature, results: Results, values: unknown[]): void {
  scanner.skipBlanks();
  if (scanner.take(CLOSE_PARENTHESIS)) return;
  do {
    scanner.skipBlanks();
    readArgument(scanner, signature, results, values);
    scanner.skipBlanks();
  } while (scanner.take(COMMA));
  scanner.demand(CLOSE_PARENTHESIS, '","');
}

function readArgument(scanner: Scanner, signature: Signature, results: Results, values: unknown[]): void {
  const at = scanner.at;
  const name = scanner.name();
  scanner.skipBlanks();
  if (name === '' || !scanner.take(COLON)) {
    const parameter = signature.takes.find(({ makes, index }) => makes !== undefined && values[index] === undefined);
    if (parameter === undefined || name === '') scanner.expected(whatFits(signature, parameter, values), at);
    values[parameter.index] = resultNumber(scanner, parameter, name, at, results);
    return;
  }
  const parameter = signature.byName.get(name);
  if (parameter === undefined) {
    scanner.fail(unknownName(`argument of ${signature.operation.name} called`, name, signature.byName.keys()), at);
  }
  if (values[parameter.index] !== undefined) scanner.fail(`"${name}" is given for the second time`, at);
  values[parameter.index] = readNamed(scanner, parameter, results);
}

/** What could stand where no further argument could be read. */
function whatFits(signature: Signature, result: Parameter | undefined, values: readonly unknown[]): string {
  if (result !== undefined) return `the name of a ${result.makes}`;
  const open = signature.takes.filter(({ index }) => values[index] === undefined).map(({ name }) => `"${name}: ..."`);
  return open.length === 0 ? '")"' : open.join(' or ');
}

/** The value behind `name:`. */
function readNamed(scanner: Scanner, parameter: Parameter, results: Results): unknown {
  scanner.skipBlanks();
  const at = scanner.at;
  if (parameter.makes !== undefined) return resultNumber(scanner, parameter, scanner.name(), at, results);
  const syntax = readValue(scanner, () => whatItTakes(parameter));
  const value = parameter.argument.read(syntax);
  if (value instanceof Expected) {
    const given = scanner.text.slice(at, scanner.at);
    const shown = given.length > LONGEST_VALUE ? `${given.slice(0, LONGEST_VALUE)}...` : given;
    return scanner.fail(`"${parameter.name}" takes ${value.what}, found ${shown}`, at);
  }
  return value;
}

/** The most characters of a wrong value that a message repeats. */
const LONGEST_VALUE = 60;

function whatItTakes({ argument, name, makes }: Parameter): string {
  const answer =
    makes === undefined ? argument.read({ kind: 'word', word: '' }) : new Expected(`the name of a ${makes}`);
  return answer instanceof Expected ? `${answer.what} for "${name}"` : `a value for "${name}"`;
}

function resultNumber(scanner: Scanner, { makes }: Parameter, name: string, at: number, results: Results): number {
  if (name === '') scanner.expected(`the name of a ${makes}`, at);
  const result = results.get(name);
  if (result === undefined) {
    const ofKind = [...results].filter(([, { kind }]) => kind === makes).map(([known]) => known);
    return scanner.fail(unknownName(`${makes} made above that is called`, name, ofKind), at);
  }
  if (result.kind !== makes) scanner.fail(`expected the name of a ${makes}, but "${name}" is a ${result.kind}`, at);
  return result.id;
}

/**
 * Reads `{`, the lines of the block and `}`, and gives them to the first argument that is still open and takes such a
 * block. Answers with the comments among the lines.
 */
function readBlock(scanner: Scanner, signature: Signature, values: unknown[]): readonly string[] {
  const from = scanner.at;
  const comments: string[] = [];
  const lines: string[] = [];
  const offsets: number[] = [];
  scanner.at++;
  for (let first = true; ; first = false) {
    scanner.skipBlanks();
    const at = scanner.at;
    if (!first && scanner.take(CLOSE_BRACE)) break;
    const line = scanner.restOfLine();
    if (first && line !== '') scanner.expected('the end of the line behind "{"', at);
    if (line !== '') {
      lines.push(line);
      offsets.push(at);
    }
    if (scanner.peek() === HASH) comments.push(scanner.comment());
    if (!scanner.take(NEWLINE)) scanner.fail('the block that begins here has no closing "}"', from);
  }
  let refusal: Expected | undefined;
  for (const { argument, index, makes } of signature.takes) {
    if (makes !== undefined || values[index] !== undefined) continue;
    const value = argument.read({ kind: 'block', lines });
    if (!(value instanceof Expected)) {
      values[index] = value;
      return comments;
    }
    if (refusal?.line === undefined) refusal = value;
  }
  if (refusal?.line === undefined) return scanner.fail(`${signature.operation.name} takes no block`, from);
  return scanner.fail(`expected ${refusal.what}, found ${JSON.stringify(lines[refusal.line])}`, offsets[refusal.line]);
}

/** The arguments as a record in declared order, so that all steps of one operation have one shape. */
function complete(scanner: Scanner, { operation, takes }: Signature, values: readonly unknown[], end: number) {
  const args: Record<string, unknown> = {};
  for (const parameter of takes) {
    const value = values[parameter.index] ?? parameter.argument.default;
    if (value === undefined) {
      scanner.fail(`${operation.name} needs ${whatItTakes(parameter)}`, end);
    }
    args[parameter.name] = value;
  }
  return args;
}
