import type { Argument, Draft, MadeArgument } from '../language/argument.ts';
import { type AnyOperation, kindsMade } from '../language/operation.ts';
import type { Pool } from './pool.ts';

/** The arguments of a step, results by number; or the same with the objects that the results stand for. */
export type Values = Readonly<Record<string, unknown>>;

/** What performing an operation again and again needs, worked out once. */
interface Shape {
  readonly operation: AnyOperation;
  readonly kinds: readonly string[];
  /** The names of its arguments. */
  readonly names: readonly string[];
  /** Its arguments that are results of earlier steps. */
  readonly uses: readonly Use[];
  /** Draws all arguments; undefined when one of them has no value to draw now. */
  readonly draw: (draft: Draft) => Values | undefined;
  /** Replaces results by their objects; undefined when one is not made yet, or not of the right life. */
  readonly resolve: (args: Values, pool: Pool) => Values | undefined;
  /** Appends the values to a column, in the order of the names. */
  readonly write: (args: Values, column: unknown[]) => void;
}

/** An operation in one session: how often it succeeded and was refused. */
export interface CompiledOperation extends Shape {
  /** Its place in the suite's list. */
  readonly index: number;
  ok: number;
  refused: number;
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
  return { ...shape, index, ok: 0, refused: 0 };
}

/** Sessions come and go (each shrinking has its own); what the engine has optimised for an operation stays. */
const shapes = new WeakMap<AnyOperation, Shape>();

function shapeOf(operation: AnyOperation): Shape {
  const takes = Object.entries(operation.takes as Record<string, Argument<unknown>>);
  const names = takes.map(([name]) => name);
  const uses = takes.flatMap(([name, argument]) =>
    argument.kind === 'made' ? [{ name, argument: argument as MadeArgument<unknown> }] : [],
  );
  return {
    operation,
    kinds: kindsMade(operation),
    names,
    uses,
    draw: compileDraw(takes),
    resolve: uses.length === 0 ? (args) => args : compileResolve(names, uses),
    write: compileWrite(names),
  };
}

/*
 * The functions below are written out for each operation, as `return { length: v0, align: v1 }`, because a loop that
 * builds records of many shapes costs 36 ns a property and a literal 10 (Node 20). Names are quoted, nothing else of an
 * operation enters the text.
 */

function compileDraw(takes: readonly (readonly [string, Argument<unknown>])[]): Shape['draw'] {
  const draws = takes.map((_, at) => `const v${at} = a${at}.draw(draft); if (v${at} === undefined) return undefined;`);
  const record = takes.map(([name], at) => `${JSON.stringify(name)}: v${at}`);
  const source = `return (draft) => { ${draws.join('\n')} return { ${record.join(', ')} }; };`;
  return new Function(...takes.map((_, at) => `a${at}`), source)(...takes.map(([, argument]) => argument));
}

function compileResolve(names: readonly string[], uses: readonly Use[]): Shape['resolve'] {
  const checks = uses.map(({ name, argument }, at) => {
    const [key, kind, life] = [name, argument.makes, argument.life].map((word) => JSON.stringify(word));
    return `const r${at} = pool.result(args[${key}], ${kind}, ${life}); if (r${at} === undefined) return undefined;`;
  });
  const record = names.map((name) => {
    const key = JSON.stringify(name);
    const at = uses.findIndex((use) => use.name === name);
    return at >= 0 ? `${key}: r${at}.object` : `${key}: args[${key}]`;
  });
  return new Function(`return (args, pool) => { ${checks.join('\n')} return { ${record.join(', ')} }; };`)();
}

function compileWrite(names: readonly string[]): Shape['write'] {
  const pushes = names.map((name) => `column.push(args[${JSON.stringify(name)}]);`);
  return new Function('args', 'column', pushes.join('\n')) as Shape['write'];
}
