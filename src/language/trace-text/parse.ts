import { unknownName } from '../nearest.ts';
import type { AnySuite } from '../suite.ts';
import type { Step, Trace, TraceComment, TraceHeader } from '../trace.ts';
import { ArgumentReader, type Results } from './arguments.ts';
import { checkKey, type HeaderLine, readHeader } from './header.ts';
import { type Lexicon, lexiconOf, type Signature } from './lexicon.ts';
import { isDefaultName } from './result-names.ts';
import { COLON, COMMA, EQUALS, HASH, NEWLINE, Scanner } from './scanner.ts';

/**
 * Reads trace text (format 1) in one pass, in time proportional to its length, with no recursion.
 *
 * @param suites whose operations, kernels, laws, faults and kernel bugs the trace may name; the head's `suite` line narrows
 * them to one suite
 * @returns the trace with its comments; results are numbered from 0 in the order they are made
 * @throws InputError with line and column: what was expected there, and for a misspelt name the nearest known one
 */
export function parseTrace(text: string, suites: readonly AnySuite[]): Trace {
  return new Parser(text, lexiconOf(suites)).trace();
}

class Parser {
  readonly #scanner: Scanner;
  /** The names that steps may use: those of all suites until the head has named one. */
  #scope: Lexicon;
  #header: TraceHeader | undefined;
  readonly #headerLines = new Map<string, HeaderLine>();
  readonly #steps: Step[] = [];
  readonly #comments: TraceComment[] = [];
  readonly #leading = new LeadingComments();
  readonly #results: Results = { ids: new Map(), kinds: [], offsets: [] };
  readonly #arguments: ArgumentReader;
  readonly #names = new Map<number, string>();
  readonly #countOfKind = new Map<string, number>();

  constructor(text: string, lexicon: Lexicon) {
    this.#scanner = new Scanner(text);
    this.#scope = lexicon;
    this.#arguments = new ArgumentReader(this.#scanner, this.#results);
  }

  trace(): Trace {
    const scanner = this.#scanner;
    while (!scanner.atEnd()) {
      scanner.skipBlanks();
      const code = scanner.peek();
      if (scanner.take(NEWLINE)) this.#leading.blankLine();
      else if (code === HASH) this.#ownLineComment();
      else if (!scanner.atEnd()) this.#statement();
    }
    const header = this.#endHead();
    return {
      header,
      steps: this.#steps,
      ...(this.#names.size > 0 && { names: this.#names }),
      ...(this.#comments.length > 0 && { comments: this.#comments }),
    };
  }

  /** A header line or a step: both begin with a name. */
  #statement(): void {
    const scanner = this.#scanner;
    const at = scanner.at;
    const name = scanner.name();
    if (name === '') scanner.expected(this.#header === undefined ? 'a header line or a step' : 'a step');
    scanner.skipBlanks();
    if (scanner.peek() === COLON) this.#headerLine(name, at);
    else {
      if (this.#header === undefined) this.#endHead();
      this.#step(name, at);
    }
  }

  #headerLine(key: string, keyAt: number): void {
    const scanner = this.#scanner;
    if (this.#header !== undefined) scanner.fail(`the header line "${key}" stands behind the first step`, keyAt);
    checkKey(scanner, key, keyAt, this.#headerLines);
    scanner.take(COLON);
    scanner.skipBlanks();
    const valueAt = scanner.at;
    const value = scanner.restOfLine();
    if (value === '') scanner.expected(`a value for "${key}"`, valueAt);
    this.#headerLines.set(key, { value, keyAt, valueAt });
    for (const text of this.#leading.takeAll()) this.#comment(-1, 'above', text);
    this.#endLine(-1, 'above');
  }

  /** The head ends before the first step, or with the file. */
  #endHead(): TraceHeader {
    if (this.#header !== undefined) return this.#header;
    const { header, scope } = readHeader(this.#scanner, this.#headerLines, this.#scope);
    this.#header = header;
    this.#scope = scope;
    const { ofHead, ofFirstStep } = this.#leading.split();
    for (const text of ofHead) this.#comment(-1, 'above', text);
    for (const text of ofFirstStep) this.#comment(0, 'above', text);
    return header;
  }

  #step(first: string, firstAt: number): void {
    const scanner = this.#scanner;
    const index = this.#steps.length;
    const made: Named[] = [];
    let name = first;
    let nameAt = firstAt;
    const code = scanner.peek();
    if (code === COMMA || code === EQUALS) {
      this.#resultNames(made, first, firstAt);
      nameAt = scanner.at;
      name = scanner.name();
      if (name === '') scanner.expected('the name of an operation');
    }
    const signature = this.#signature(name, nameAt);
    const args = this.#arguments.read(signature);
    for (const text of this.#arguments.comments) this.#comment(index, 'above', text);
    this.#steps.push({ operation: signature.operation, args, made: this.#bind(signature, made, firstAt) });
    this.#endLine(index, 'behind');
  }

  /** `, name` as often as it comes, up to and with the `=`. */
  #resultNames(made: Named[], first: string, firstAt: number): void {
    const scanner = this.#scanner;
    made.push({ name: first, at: firstAt });
    while (scanner.take(COMMA)) {
      scanner.skipBlanks();
      const at = scanner.at;
      const name = scanner.name();
      if (name === '') scanner.expected('the name of a result');
      made.push({ name, at });
      scanner.skipBlanks();
    }
    scanner.demand(EQUALS, '","');
    scanner.skipBlanks();
  }

  #signature(name: string, at: number): Signature {
    const found = this.#scope.operations.get(name);
    if (found?.length === 1) return found[0]!;
    if (found === undefined)
      return this.#scanner.fail(unknownName('operation', name, this.#scope.operations.keys()), at);
    const owners = [...this.#scope.suites.values()]
      .filter(({ operations }) => found.some(({ operation }) => operations.includes(operation)))
      .map((suite) => suite.name);
    const help = `say in the head which is meant: "suite: ${owners[0]}"`;
    return this.#scanner.fail(`"${name}" is an operation of the suites ${owners.join(', ')}; ${help}`, at);
  }

  /** Numbers the results of a step and makes their names known to the steps below. */
  #bind({ operation, kinds }: Signature, made: readonly Named[], at: number): readonly number[] {
    if (made.length !== kinds.length) {
      const named = `${made.length} ${made.length === 1 ? 'name is' : 'names are'} given`;
      const makes = kinds.length === 0 ? 'nothing' : kinds.join(', ');
      this.#scanner.fail(`${operation.name} makes ${makes}, but ${named} before "="`, at);
    }
    return made.map((result, index) => this.#define(result, kinds[index]!));
  }

  #define({ name, at }: Named, kind: string): number {
    const { ids, kinds, offsets } = this.#results;
    const older = ids.get(name);
    if (older !== undefined) {
      const { line } = this.#scanner.placeOf(offsets[older]!);
      this.#scanner.fail(`"${name}" already names what line ${line} makes`, at);
    }
    const id = kinds.length;
    const ordinal = (this.#countOfKind.get(kind) ?? 0) + 1;
    this.#countOfKind.set(kind, ordinal);
    ids.set(name, id);
    kinds.push(kind);
    offsets.push(at);
    if (!isDefaultName(name, kind, ordinal)) this.#names.set(id, name);
    return id;
  }

  #ownLineComment(): void {
    const text = this.#scanner.comment();
    if (this.#header === undefined) this.#leading.add(text);
    else this.#comment(this.#steps.length, 'above', text);
    this.#scanner.take(NEWLINE);
  }

  /** Demands the end of the line, perhaps behind a comment. */
  #endLine(step: number, place: TraceComment['place']): void {
    const scanner = this.#scanner;
    scanner.skipBlanks();
    if (scanner.peek() === HASH) this.#comment(step, place, scanner.comment());
    if (!scanner.atEnd() && !scanner.take(NEWLINE)) scanner.expected('the end of the line');
  }

  #comment(step: number, place: TraceComment['place'], text: string): void {
    this.#comments.push({ step, place, text });
  }
}

/** A name before `=` and where it stands. */
interface Named {
  readonly name: string;
  readonly at: number;
}

/**
 * Comments whose owner is not known yet. Those before or among header lines are the head's; after them, those in front of
 * a blank line are the head's, the others the first step's.
 */
class LeadingComments {
  #beforeBlank: string[] = [];
  #afterBlank: string[] = [];
  #blank = false;

  add(text: string): void {
    (this.#blank ? this.#afterBlank : this.#beforeBlank).push(text);
  }

  blankLine(): void {
    this.#blank = true;
  }

  takeAll(): readonly string[] {
    const all = [...this.#beforeBlank, ...this.#afterBlank];
    this.#beforeBlank = [];
    this.#afterBlank = [];
    this.#blank = false;
    return all;
  }

  split(): { readonly ofHead: readonly string[]; readonly ofFirstStep: readonly string[] } {
    if (this.#blank) return { ofHead: this.#beforeBlank, ofFirstStep: this.#afterBlank };
    return { ofHead: [], ofFirstStep: this.#beforeBlank };
  }
}
