import type { Argument, Draft, MadeArgument } from '../language/argument.ts';
import { type AnyOperation, kindsMade } from '../language/operation.ts';
import type { Pool } from './pool.ts';
import type { StepColumns } from './step-columns.ts';

/** The arguments of a step, results by number; or the same with the objects that the results stand for. */
export type Values = Readonly<Record<string, unknown>>;

/** What performing an operation again and again needs, worked out once. */
interface Shape {
  readonly operation: AnyOperation;
  readonly kinds: readonly string[];
  /** The names of its arguments. */
  readonly names: readonly string[];
  /** Those whose values are all numbers of 32 bits, and the others. */
  readonly narrow: readonly string[];
  readonly wide: readonly string[];
  /** How far from the end of its narrow arguments the result stands that it ends; 0 when it ends none. */
  readonly endsBack: number;
  /** Its arguments that are results of earlier steps. */
  readonly uses: readonly Use[];
  /** The kinds of results that it takes or makes, each once. */
  readonly dealsWith: readonly string[];
  /**
   * Draws all arguments, appends the step to the columns and returns what `apply` is to be given. Undefined, and nothing
   * appended, when one of them has no value to draw now or the step would make no sense.
   */
  readonly attempt: (draft: Draft, columns: StepColumns, code: number) => Values | undefined;
  /** What `apply` is to be given; undefined when a result is not made yet or of the wrong life, or the step makes no sense. */
  readonly resolve: (args: Values, pool: Pool, world: unknown) => Values | undefined;
  readonly apply: (world: unknown, taken: Values) => unknown;
}

/** An operation in one session: how often it succeeded and was refused. A class, so that all are of one hidden class. */
export class CompiledOperation implements Shape {
  readonly operation: AnyOperation;
  readonly kinds: readonly string[];
  readonly names: readonly string[];
  readonly narrow: readonly string[];
  readonly wide: readonly string[];
  readonly endsBack: number;
  readonly uses: readonly Use[];
  readonly dealsWith: readonly string[];
  readonly attempt: Shape['attempt'];
  readonly resolve: Shape['resolve'];
  readonly apply: Shape['apply'];
  /** Its place in the suite's list. */
  readonly index: number;
  /** The indices of {@link CompiledOperation.kinds} among the kinds of the session's suite. */
  kindIndices: readonly number[] = [];
  /** The same of the result that it ends. */
  endedKind = -1;
  ok = 0;
  refused = 0;
  /** What its steps changed of the suite's counters, in sum. */
  readonly counted = new Map<string, number>();

  constructor(shape: Shape, index: number) {
    this.operation = shape.operation;
    this.kinds = shape.kinds;
    this.names = shape.names;
    this.narrow = shape.narrow;
    this.wide = shape.wide;
    this.endsBack = shape.endsBack;
    this.uses = shape.uses;
    this.dealsWith = shape.dealsWith;
    this.attempt = shape.attempt;
    this.resolve = shape.resolve;
    this.apply = shape.apply;
    this.index = index;
  }

  /** Counts outcomes of somebody who performed it himself. */
  count(ok: number, refused: number): void {
    this.ok += ok;
    this.refused += refused;
  }

  numberKinds(all: readonly { readonly name: string; readonly index: number }[]): void {
    const indexOf = (kind: string) => all.findIndex(({ name }) => name === kind);
    this.kindIndices = this.kinds.map(indexOf);
    const ended = this.uses.find(({ name }) => name === this.operation.ends);
    if (ended !== undefined) this.endedKind = indexOf(ended.argument.makes);
  }
}

export interface Use {
  readonly name: string;
  readonly argument: MadeArgument<unknown>;
}

export function compile(operation: AnyOperation, index: number): CompiledOperation {
  let shape = shapes.get(operation);
  if (shape === undefined) {
    shape = shapeOf(operation);
    shapes.set(operation, shape);
  }
  return new CompiledOperation(shape, index);
}

/** Sessions come and go (each shrinking has its own); what the engine has optimised for an operation stays. */
const shapes = new WeakMap<AnyOperation, Shape>();

function shapeOf(operation: AnyOperation): Shape {
  const takes = Object.entries(operation.takes as Record<string, Argument<unknown>>);
  const names = takes.map(([name]) => name);
  const uses = takes.flatMap(([name, argument]) =>
    argument.kind === 'made' ? [{ name, argument: argument as MadeArgument<unknown> }] : [],
  );
  const narrow = takes.filter(([, argument]) => argument.narrow === true).map(([name]) => name);
  const kinds = kindsMade(operation);
  return {
    operation,
    kinds,
    names,
    narrow,
    wide: names.filter((name) => !narrow.includes(name)),
    endsBack: operation.ends === undefined ? 0 : narrow.length - narrow.indexOf(operation.ends),
    uses,
    dealsWith: [...new Set([...uses.map(({ argument }) => argument.makes), ...kinds])],
    attempt: compileAttempt(operation, takes),
    resolve: compileResolve(operation, takes),
    apply: compileFunction({ operation }, 'apply', '(world, taken) => operation.apply(world, taken)'),
  };
}

/*
 * The functions below are written out for each operation, as `{ length: v0, align: v1 }`, because a loop that builds records
 * of many shapes costs 36 ns a property and a literal 10 (Node 20), and because the machine's compiler can only merge what an
 * operation does into a function of its own. Names are quoted, nothing else of an operation enters the text.
 */

/** Results are drawn first: where there is none, nothing else needs to be drawn. */
function compileAttempt(operation: AnyOperation, takes: readonly Take[]): Shape['attempt'] {
  const places = takes.map(([name, argument], at) => ({ name: JSON.stringify(name), argument, value: `v${at}` }));
  const isMade = ({ argument }: { readonly argument: Argument<unknown> }) => argument.kind === 'made';
  const draws = [...places.filter(isMade), ...places.filter((place) => !isMade(place))].map(
    ({ name, value }) => `const ${value} = takes[${name}].draw(draft); if (${value} === undefined) return undefined;`,
  );
  const fields = places.map(
    (place) => `${place.name}: ${isMade(place) ? `draft.pool.object(${place.value})` : place.value}`,
  );
  const narrow = places.filter(({ argument }) => argument.narrow === true);
  const wide = places.filter(({ argument }) => argument.narrow !== true);
  return compileFunction(
    { operation, takes: operation.takes },
    'attempt',
    `(draft, columns, code) => {
      ${isReadyByWorldAlone(operation) ? 'if (!operation.ready(draft.world)) return undefined;' : ''}
      ${draws.join('\n')}
      const taken = { ${fields.join(', ')} };
      ${asksReady(operation) ? 'if (!operation.ready(draft.world, taken)) return undefined;' : ''}
      const at = columns.append(code, ${narrow.length});
      ${narrow.map(({ value }, index) => `columns.numbers[at + ${index}] = ${value};`).join('\n')}
      ${wide.length === 0 ? '' : `columns.others.push(${wide.map(({ value }) => value).join(', ')});`}
      return taken;
    }`,
  );
}

function compileResolve(operation: AnyOperation, takes: readonly Take[]): Shape['resolve'] {
  const uses = takes.filter(([, { kind }]) => kind === 'made');
  const checks = uses.map(([name, argument], at) => {
    const { makes, life } = argument as MadeArgument<unknown>;
    const [key, kind, wanted] = [name, makes, life].map((word) => JSON.stringify(word));
    return `const r${at} = args[${key}]; if (!pool.isUsable(r${at}, ${kind}, ${wanted})) return undefined;`;
  });
  const fields = takes.map(([name]) => {
    const key = JSON.stringify(name);
    const at = uses.findIndex(([use]) => use === name);
    return at >= 0 ? `${key}: pool.object(r${at})` : `${key}: args[${key}]`;
  });
  return compileFunction(
    { operation },
    'resolve',
    `(args, pool, world) => {
      ${checks.join('\n')}
      const taken = ${uses.length === 0 ? 'args' : `{ ${fields.join(', ')} }`};
      ${operation.ready === undefined ? '' : 'if (!operation.ready(world, taken)) return undefined;'}
      return taken;
    }`,
  );
}

/** A function that looks at the world alone says so by its parameters; it is asked before anything is drawn. */
const isReadyByWorldAlone = ({ ready }: AnyOperation) => ready !== undefined && ready.length <= 1;
const asksReady = ({ ready }: AnyOperation) => ready !== undefined && ready.length > 1;

/**
 * The address names the function in profiles and stack traces, and keeps apart what would else be one function: of equal
 * sources the machine's compiler makes one, which then knows no operation well.
 */
function compileFunction<Compiled>(
  scope: { readonly operation: AnyOperation; readonly takes?: unknown },
  purpose: 'attempt' | 'resolve' | 'apply',
  source: string,
): Compiled {
  const address = `roxcheck/${purpose}/${encodeURIComponent(scope.operation.name)}`;
  return new Function(...Object.keys(scope), `return ${source};\n//# sourceURL=${address}`)(...Object.values(scope));
}

type Take = readonly [name: string, argument: Argument<unknown>];
