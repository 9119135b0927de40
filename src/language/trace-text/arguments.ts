import { Expected } from '../argument.ts';
import { unknownName } from '../nearest.ts';
import { readBlock } from './block.ts';
import type { Parameter, Signature } from './lexicon.ts';
import { CLOSE_PARENTHESIS, COLON, COMMA, OPEN_BRACE, OPEN_PARENTHESIS, type Scanner } from './scanner.ts';
import { readValue, whatItTakes } from './value.ts';

/** The results that the steps above made: their numbers by name, and by number their kinds and where they are named. */
export interface Results {
  readonly ids: Map<string, number>;
  readonly kinds: string[];
  readonly offsets: number[];
}

/**
 * Reads what stands between an operation's name and the end of its line: `(result, ..., name: value, ...)` and the block
 * behind it, if one follows. Results that are used stand first, in the order in which the operation declares them; whatever
 * is not given takes its default.
 */
export class ArgumentReader {
  readonly #scanner: Scanner;
  readonly #results: Results;
  /** The values of the step being read, by their place in the declared order. */
  readonly #values: unknown[] = [];
  /** The comments among the lines of the last step's block. */
  comments: readonly string[] = NONE;

  constructor(scanner: Scanner, results: Results) {
    this.#scanner = scanner;
    this.#results = results;
  }

  /** The arguments as a record in declared order, so that all steps of one operation have one shape. */
  read(signature: Signature): Readonly<Record<string, unknown>> {
    const scanner = this.#scanner;
    const { takes } = signature;
    for (let index = 0; index < takes.length; index++) this.#values[index] = undefined;
    this.comments = NONE;
    scanner.skipBlanks();
    const hasList = scanner.take(OPEN_PARENTHESIS);
    if (hasList) this.#list(signature);
    else if (scanner.peek() !== OPEN_BRACE) scanner.expected('"("');
    const end = hasList ? scanner.at - 1 : scanner.at;
    scanner.skipBlanks();
    if (scanner.peek() === OPEN_BRACE) this.#block(signature);
    const args: Record<string, unknown> = {};
    for (let index = 0; index < takes.length; index++) {
      const parameter = takes[index]!;
      const value = this.#values[index] ?? parameter.argument.default;
      if (value === undefined) scanner.fail(`${signature.operation.name} needs ${whatItTakes(parameter)}`, end);
      args[parameter.name] = value;
    }
    return args;
  }

  #list(signature: Signature): void {
    const scanner = this.#scanner;
    scanner.skipBlanks();
    if (scanner.take(CLOSE_PARENTHESIS)) return;
    do {
      scanner.skipBlanks();
      this.#argument(signature);
      scanner.skipBlanks();
    } while (scanner.take(COMMA));
    scanner.demand(CLOSE_PARENTHESIS, '","');
  }

  #argument({ operation, takes, byName }: Signature): void {
    const scanner: Scanner = this.#scanner;
    const values = this.#values;
    const at = scanner.at;
    const name = scanner.name();
    scanner.skipBlanks();
    if (name === '' || !scanner.take(COLON)) {
      const result = takes.find(({ makes, index }) => makes !== undefined && values[index] === undefined);
      if (result === undefined || name === '') scanner.expected(this.#whatFits(takes, result), at);
      values[result.index] = this.#resultNumber(result, name, at);
      return;
    }
    const parameter = byName.get(name);
    if (parameter === undefined) {
      scanner.fail(unknownName(`argument of ${operation.name} called`, name, byName.keys()), at);
    }
    if (values[parameter.index] !== undefined) scanner.fail(`"${name}" is given for the second time`, at);
    values[parameter.index] = this.#named(parameter);
  }

  /** What could stand where no further argument could be read. */
  #whatFits(takes: readonly Parameter[], result: Parameter | undefined): string {
    if (result !== undefined) return `the name of a ${result.makes}`;
    const open = takes.filter(({ index }) => this.#values[index] === undefined).map(({ name }) => `"${name}: ..."`);
    return open.length === 0 ? '")"' : open.join(' or ');
  }

  /** The value behind `name:`. */
  #named(parameter: Parameter): unknown {
    const scanner = this.#scanner;
    scanner.skipBlanks();
    const at = scanner.at;
    if (parameter.makes !== undefined) return this.#resultNumber(parameter, scanner.name(), at);
    const value = parameter.argument.read(readValue(scanner, parameter));
    if (!(value instanceof Expected)) return value;
    const given = scanner.text.slice(at, scanner.at);
    const shown = given.length > LONGEST_VALUE ? `${given.slice(0, LONGEST_VALUE)}...` : given;
    return scanner.fail(`"${parameter.name}" takes ${value.what}, found ${shown}`, at);
  }

  #resultNumber({ makes }: Parameter, name: string, at: number): number {
    if (name === '') this.#scanner.expected(`the name of a ${makes}`, at);
    const { ids, kinds } = this.#results;
    const id = ids.get(name);
    if (id === undefined) {
      const ofKind = [...ids].filter(([, other]) => kinds[other] === makes).map(([known]) => known);
      return this.#scanner.fail(unknownName(`${makes} made above that is called`, name, ofKind), at);
    }
    if (kinds[id] === makes) return id;
    return this.#scanner.fail(`expected the name of a ${makes}, but "${name}" is a ${kinds[id]}`, at);
  }

  /** Reads `{`, lines and `}`, and gives the lines to the first argument that is still open and takes such a block. */
  #block({ operation, takes }: Signature): void {
    const scanner: Scanner = this.#scanner;
    const from = scanner.at;
    const { lines, offsets, comments } = readBlock(scanner);
    this.comments = comments;
    let refusal: Expected | undefined;
    for (const { argument, index, makes } of takes) {
      if (makes !== undefined || this.#values[index] !== undefined) continue;
      const value = argument.read({ kind: 'block', lines });
      if (!(value instanceof Expected)) {
        this.#values[index] = value;
        return;
      }
      if (refusal?.line === undefined) refusal = value;
    }
    if (refusal?.line === undefined) scanner.fail(`${operation.name} takes no block`, from);
    scanner.fail(`expected ${refusal.what}, found ${JSON.stringify(lines[refusal.line])}`, offsets[refusal.line]);
  }
}

const NONE: readonly string[] = [];

/** The most characters of a wrong value that a message repeats. */
const LONGEST_VALUE = 60;
