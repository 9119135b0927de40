import type { Argument, Draft, MadeArgument } from '../language/argument.ts';
import { type AnyOperation, kindsMade } from '../language/operation.ts';
import type { Pool } from './pool.ts';

/** The arguments of a step, results by number; or the same with the objects that the results stand for. */
export type Values = Readonly<Record<string, unknown>>;

/** An operation with all that performing it again and again needs, worked out once per session. */
export interface CompiledOperation {
  readonly operation: AnyOperation;
  /** Its place in the suite's list. */
  readonly index: number;
  readonly kinds: readonly string[];
  /** Its arguments that are results of earlier steps. */
  readonly uses: readonly Use[];
  /** Draws all arguments; undefined when one of them has no value to draw now. */
  readonly draw: (draft: Draft) => Values | undefined;
  /** Replaces results by their objects; undefined when one is not made yet, or not of the right life. */
  readonly resolve: (args: Values, pool: Pool) => Values | undefined;
  ok: number;
  refused: number;
}

export interface Use {
  readonly name: string;
  readonly argument: MadeArgument<unknown>;
}

export function compile(operation: AnyOperation, index: number): CompiledOperation {
  const takes = Object.entries(operation.takes as Record<string, Argument<unknown>>);
  const uses = takes.flatMap(([name, argument]) =>
    argument.kind === 'made' ? [{ name, argument: argument as MadeArgument<unknown> }] : [],
  );
  return {
    operation,
    index,
    kinds: kindsMade(operation),
    uses,
    draw: compileDraw(takes),
    resolve: uses.length === 0 ? (args) => args : compileResolve(takes, uses),
    ok: 0,
    refused: 0,
  };
}

/*
 * The two functions below are written out for each operation, as `return { length: v0, align: v1 }`, because a loop that
 * builds records of many shapes costs 36 ns a property and a literal 10 (Node 20). Names are quoted, nothing else of an
 * operation enters the text.
 */

function compileDraw(takes: readonly (readonly [string, Argument<unknown>])[]): CompiledOperation['draw'] {
  const draws = takes.map((_, at) => `const v${at} = a${at}.draw(draft); if (v${at} === undefined) return undefined;`);
  const record = takes.map(([name], at) => `${JSON.stringify(name)}: v${at}`);
  const source = `return (draft) => { ${draws.join('\n')} return { ${record.join(', ')} }; };`;
  return new Function(...takes.map((_, at) => `a${at}`), source)(...takes.map(([, argument]) => argument));
}

function compileResolve(
  takes: readonly (readonly [string, Argument<unknown>])[],
  uses: readonly Use[],
): CompiledOperation['resolve'] {
  const checks = uses.map(({ name, argument }) => {
    const [key, kind, life] = [name, argument.makes, argument.life].map((word) => JSON.stringify(word));
    return `if (!pool.holds(args[${key}], ${kind}, ${life})) return undefined;`;
  });
  const record = takes.map(([name, { kind }]) => {
    const key = JSON.stringify(name);
    return kind === 'made' ? `${key}: pool.object(args[${key}])` : `${key}: args[${key}]`;
  });
  return new Function(`return (args, pool) => { ${checks.join('\n')} return { ${record.join(', ')} }; };`)();
}
