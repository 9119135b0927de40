import type { Random } from '../base/seed.ts';

/**
 * What an operation takes. One description serves generation (`draw`), shrinking (`simpler`), trace text (`write`, `read`)
 * and enumeration (`few`).
 */
export interface Argument<Value> {
  readonly kind: 'value' | 'made';
  /** Every value is a whole number of 32 bits with a sign: recorded steps then keep it in a typed column. */
  readonly narrow?: boolean;
  /** Draws a value against the evolving world; undefined when there is none to draw now. */
  draw(draft: Draft): Value | undefined;
  /** Simpler values to try instead, simplest first. Empty when the value is as simple as can be. */
  simpler(value: Value): Iterable<Value>;
  /** A few telling values, for the enumeration of small scopes. */
  few(draft: Draft): Iterable<Value>;
  /** The value as trace text's syntax. */
  write(value: Value): Syntax;
  /** The value that the syntax stands for, or what was expected there. */
  read(syntax: Syntax): Value | Expected;
  /** What a trace that does not mention the argument means. Such a value is not printed either. */
  readonly default?: Value;
}

/** A value as it stands in trace text. */
export type Syntax =
  | { readonly kind: 'integer'; readonly value: bigint; readonly base?: 10 | 16 }
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'list'; readonly items: readonly Syntax[] }
  | { readonly kind: 'block'; readonly lines: readonly string[] };

/** Says what a place in a trace should have held. */
export class Expected {
  readonly what: string;
  /** In a block: the line that is wrong, counted from 0. */
  readonly line: number | undefined;

  constructor(what: string, line?: number) {
    this.what = what;
    this.line = line;
  }
}

/** What a draw may look at. */
export interface Draft {
  readonly random: Random;
  readonly world: unknown;
  readonly pool: PoolView;
  /** How strongly this run leans to boundary values: 0 never, 1 always. Drawn once a run. */
  readonly boundaryLean: number;
  /** Upper bound this run sets itself on "big" sizes, as a fraction of the range: small worlds find other bugs than big ones. */
  readonly sizeLean: number;
}

/** The results that earlier steps of the trace made, by kind. */
export interface PoolView {
  live(kind: string): readonly number[];
  ended(kind: string): readonly number[];
  /** The object a live or ended result stands for. */
  object(id: number): unknown;
}

interface IntegerOptions {
  readonly min: number;
  readonly max: number;
  readonly default?: number;
  /** Values at which behaviour changes; drawn often, and so are their neighbours and the ends of the range. */
  readonly boundaries?: readonly number[];
  /** The simplest value; the default if there is one, else the value of the range nearest to 0. */
  readonly simplest?: number;
  /** Draws a typical value; uniform in the range otherwise. Without stated boundaries only typical values are drawn. */
  readonly typical?: (draft: Draft) => number;
  /** How trace text writes it. */
  readonly base?: 10 | 16;
}

/** A whole number in [min, max], both safe integers. */
export function integer(options: IntegerOptions): Argument<number> {
  const { min, max, boundaries = [], typical } = options;
  const simplest = options.simplest ?? options.default ?? Math.min(Math.max(0, min), max);
  const inRange = (value: number) => value >= min && value <= max;
  const edges = options.boundaries === undefined && typical !== undefined ? [] : edgesOf(boundaries, min, max);
  const near = Array.from({ length: FEW }, (_, at) => simplest + at + 1);
  const telling = [...new Set([simplest, min, ...near, ...boundaries, max, ...edges])].filter(inRange);
  return {
    kind: 'value',
    narrow: min >= -(2 ** 31) && max < 2 ** 31,
    ...defaultOf(options),
    draw(draft) {
      const { random } = draft;
      if (edges.length > 0 && random.chance(draft.boundaryLean)) return random.pick(edges);
      if (typical !== undefined) return Math.min(max, Math.max(min, typical(draft)));
      return random.between(min, max);
    },
    *simpler(value) {
      if (value === simplest) return;
      yield simplest;
      const towards = Math.sign(value - simplest);
      for (
        let distance = Math.floor(Math.abs(value - simplest) / 2);
        distance >= 1;
        distance = Math.floor(distance / 2)
      ) {
        yield value - towards * distance;
      }
    },
    few: () => telling,
    write: (value) => ({ kind: 'integer', value: BigInt(value), base: options.base ?? 10 }),
    read(syntax) {
      const range = `an integer from ${min} to ${max}`;
      if (syntax.kind !== 'integer') return new Expected(range);
      return syntax.value >= BigInt(min) && syntax.value <= BigInt(max) ? Number(syntax.value) : new Expected(range);
    },
  };
}

/** Counts (the third allocation fails) do their work with small numbers. */
const FEW = 4;

/** The boundaries, their neighbours, and the ends of the range: each once. */
function edgesOf(boundaries: readonly number[], min: number, max: number): readonly number[] {
  const edges = boundaries.flatMap((edge) => [edge - 1, edge, edge + 1]).concat(min, max);
  return [...new Set(edges)].filter((edge) => edge >= min && edge <= max);
}

interface Word64Options {
  readonly default?: bigint;
  readonly boundaries?: readonly bigint[];
  readonly typical?: (draft: Draft) => bigint;
}

/** An unsigned 64-bit word, for addresses and for the garbage that users pass. */
export function word64(options: Word64Options = {}): Argument<bigint> {
  const simplest = options.default ?? 0n;
  const edges = [0n, 1n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n, 1n << 63n, (1n << 64n) - 1n].concat(
    options.boundaries ?? [],
  );
  return {
    kind: 'value',
    ...defaultOf(options),
    draw(draft) {
      if (draft.random.chance(draft.boundaryLean)) return draft.random.pick(edges);
      return options.typical?.(draft) ?? draft.random.word();
    },
    *simpler(value) {
      if (value === simplest) return;
      yield simplest;
      const distance = value > simplest ? value - simplest : simplest - value;
      const sign = value > simplest ? 1n : -1n;
      for (let step = distance / 2n; step >= 1n; step /= 2n) yield value - sign * step;
    },
    few: () => new Set([simplest, ...edges]),
    write: (value) => ({ kind: 'integer', value, base: 16 }),
    read(syntax) {
      if (syntax.kind !== 'integer' || syntax.value < 0n || syntax.value >= 1n << 64n) {
        return new Expected('an integer from 0 to 2^64 - 1');
      }
      return syntax.value;
    },
  };
}

/** true or false. */
export function boolean(
  options: { readonly default?: boolean; readonly probability?: number } = {},
): Argument<boolean> {
  return {
    kind: 'value',
    ...defaultOf(options),
    draw: ({ random }) => random.chance(options.probability ?? 0.5),
    simpler: (value) => (value === (options.default ?? false) ? [] : [!value]),
    few: () => [false, true],
    write: (value) => ({ kind: 'word', word: String(value) }),
    read(syntax) {
      if (syntax.kind === 'word' && syntax.word === 'true') return true;
      if (syntax.kind === 'word' && syntax.word === 'false') return false;
      return new Expected('true or false');
    },
  };
}

/** One of a few words, the simplest first. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  options: { readonly default?: NoInfer<Word> } = {},
): Argument<Word> {
  return {
    kind: 'value',
    ...defaultOf(options),
    draw: ({ random }) => random.pick(words),
    simpler: (value) => words.slice(0, words.indexOf(value)),
    few: () => words,
    write: (value) => ({ kind: 'word', word: value }),
    read(syntax) {
      const word = syntax.kind === 'word' ? words.find((candidate) => candidate === syntax.word) : undefined;
      return word ?? new Expected(`one of ${words.join(', ')}`);
    },
  };
}

/** A byte string of at most `maxLength` bytes. */
export function bytes(options: { readonly maxLength: number; readonly default?: Uint8Array }): Argument<Uint8Array> {
  return {
    kind: 'value',
    ...defaultOf(options),
    draw: ({ random }) => Uint8Array.from({ length: random.between(0, options.maxLength) }, () => random.below(256)),
    *simpler(value) {
      for (let length = 0; length < value.length; length = Math.max(length + 1, (length + value.length) >> 1)) {
        yield value.slice(0, length);
      }
      const nonZero = value.findIndex((byte) => byte !== 0);
      if (nonZero >= 0) yield value.map((byte, index) => (index === nonZero ? 0 : byte));
    },
    few: () => [new Uint8Array(0), new Uint8Array(1)],
    write: (value) => ({ kind: 'bytes', bytes: value }),
    read(syntax) {
      const fits = syntax.kind === 'bytes' && syntax.bytes.length <= options.maxLength;
      return fits ? syntax.bytes : new Expected(`a byte string of at most ${options.maxLength} bytes`);
    },
  };
}

/** A list of values of one kind. */
export function list<Item>(
  of: Argument<Item>,
  options: { readonly maxLength: number; readonly default?: readonly Item[] },
): Argument<readonly Item[]> {
  return {
    kind: 'value',
    ...defaultOf(options),
    draw(draft) {
      const items = Array.from({ length: draft.random.between(0, options.maxLength) }, () => of.draw(draft));
      return items.filter((item): item is Item & {} => item !== undefined && item !== null);
    },
    *simpler(value) {
      for (let index = 0; index < value.length; index++) yield value.filter((_, at) => at !== index);
      for (let index = 0; index < value.length; index++) {
        for (const item of of.simpler(value[index] as Item)) yield value.with(index, item);
      }
    },
    *few(draft) {
      yield [];
      for (const item of of.few(draft)) yield [item];
    },
    write: (value) => ({ kind: 'list', items: value.map((item) => of.write(item)) }),
    read(syntax) {
      if (syntax.kind !== 'list' || syntax.items.length > options.maxLength) {
        return new Expected(`a list of at most ${options.maxLength} items`);
      }
      const items: Item[] = [];
      for (const item of syntax.items) {
        const value = of.read(item);
        if (value instanceof Expected) return value;
        items.push(value);
      }
      return items;
    },
  };
}

/**
 * A result of an earlier step. In a trace's step it is the result's number; `apply` receives the object it stands for.
 * `life` says whether wrong uses are meant: 'ended' draws results that a step has already ended (use after free).
 */
export interface MadeArgument<Object> extends Argument<number> {
  readonly kind: 'made';
  readonly makes: string;
  readonly life: 'live' | 'ended' | 'any';
  readonly object?: Object;
}

export function made<Object = unknown>(
  makes: string,
  options: { readonly life?: 'live' | 'ended' | 'any'; readonly endedProbability?: number } = {},
): MadeArgument<Object> {
  const { life = 'live', endedProbability = 0.1 } = options;
  const choices = ({ random, pool }: Draft): readonly number[] => {
    const live = pool.live(makes);
    if (life === 'live') return live;
    const ended = pool.ended(makes);
    if (life === 'ended' || live.length === 0) return ended;
    return ended.length > 0 && random.chance(endedProbability) ? ended : live;
  };
  return {
    kind: 'made',
    narrow: true,
    makes,
    life,
    draw(draft) {
      const ids = choices(draft);
      return ids.length === 0 ? undefined : draft.random.pick(ids);
    },
    simpler: () => [],
    few: ({ pool }) => [...(life === 'ended' ? [] : pool.live(makes)), ...(life === 'live' ? [] : pool.ended(makes))],
    write: (id) => ({ kind: 'word', word: `#${id}` }),
    read: () => new Expected(`the name of a ${makes}`),
  };
}

/** `default` only where it was given: exact optional properties tell "no default" from "the default is undefined". */
function defaultOf<Value>(options: { readonly default?: Value }): { readonly default?: Value } {
  return options.default === undefined ? {} : { default: options.default };
}
