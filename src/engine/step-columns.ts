import type { Step } from '../language/trace.ts';
import type { CompiledOperation } from './compiled-operation.ts';

/**
 * The steps of one trace in typed columns: which operation, its results and other arguments of 32 bits, and whatever else it
 * takes. A step takes some ten bytes, so a million of them burden neither the memory nor the collector; a step is put together
 * as an object when somebody asks. Results are numbered in the order in which steps name them, so their numbers are not kept.
 */
export class StepColumns {
  /** The index of each step's operation in the session. */
  codes = new Uint16Array(64);
  /** The narrow arguments of all steps, one after the other. */
  numbers = new Int32Array(256);
  /** The other arguments. */
  readonly others: unknown[] = [];
  /** Tells one trace in the columns from the next. */
  traces = 0;
  readonly #operations: readonly CompiledOperation[];
  #length = 0;
  #numberCount = 0;

  constructor(operations: readonly CompiledOperation[]) {
    this.#operations = operations;
  }

  /** The same steps in columns, results numbered anew. */
  static of(operations: readonly CompiledOperation[], steps: readonly Step[]): StepColumns {
    const columns = new StepColumns(operations);
    const numbers = new Map<number, number>();
    const codes = new Map(operations.map(({ operation, index }) => [operation, index]));
    for (const { operation, args, made } of steps) {
      const { index, narrow, wide, uses } = operations[codes.get(operation)!]!;
      const isResult = (name: string) => uses.some((use) => use.name === name);
      let at = columns.append(index, narrow.length);
      for (const name of narrow) {
        const value = args[name] as number;
        columns.numbers[at++] = isResult(name) ? (numbers.get(value) ?? UNMADE) : value;
      }
      for (const name of wide) columns.others.push(args[name]);
      for (const id of made) numbers.set(id, numbers.size);
    }
    return columns;
  }

  /** Forgets all steps, so that the columns serve another trace: making new ones costs more than filling them. */
  begin(): void {
    this.#length = 0;
    this.#numberCount = 0;
    this.others.length = 0;
    this.traces++;
  }

  get length(): number {
    return this.#length;
  }

  /** Enters a step and makes room for its narrow arguments; returns where these go. */
  append(code: number, narrowCount: number): number {
    const step = this.#length++;
    const at = this.#numberCount;
    this.#numberCount = at + narrowCount;
    if (step >= this.codes.length) this.codes = grown(this.codes, new Uint16Array(2 * step));
    if (at + narrowCount > this.numbers.length)
      this.numbers = grown(this.numbers, new Int32Array(2 * this.#numberCount));
    this.codes[step] = code;
    return at;
  }

  /** Forgets the last step; returns what it performed. */
  dropLast(): CompiledOperation {
    const compiled = this.#operations[this.codes[--this.#length]!]!;
    this.#numberCount -= compiled.narrow.length;
    this.others.length -= compiled.wide.length;
    return compiled;
  }

  /** The last of the narrow arguments, `back` places from the end. */
  lastNumber(back: number): number {
    return this.numbers[this.#numberCount - back]!;
  }

  /** The steps as objects. */
  steps(): readonly Step[] {
    let [number, other, result] = [0, 0, 0];
    return Array.from({ length: this.#length }, (_, index) => {
      const { operation, names, narrow, kinds } = this.#operations[this.codes[index]!]!;
      const args: Record<string, unknown> = {};
      for (const name of names) args[name] = narrow.includes(name) ? this.numbers[number++] : this.others[other++];
      return { operation, args, made: kinds.map(() => result++) };
    });
  }
}

/** In place of a result that no step of the trace makes: no result has this number. */
const UNMADE = -1;

function grown<Column extends Uint16Array | Int32Array>(old: Column, column: Column): Column {
  column.set(old);
  return column;
}
