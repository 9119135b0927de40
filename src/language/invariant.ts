import type { AnyOperation } from './operation.ts';

/** What just happened, as laws and ghosts see it. `changes` tells which parts of the state the step touched. */
export interface Happened {
  readonly operation: AnyOperation;
  /** The arguments, results already replaced by the objects they stand for. */
  readonly taken: Readonly<Record<string, unknown>>;
  /** What `apply` returned: what it made or showed, or a Refusal. */
  readonly returned: unknown;
  readonly changes: Changes;
}

/** The parts of the state that the last step changed, each once, in the order of their first change. */
export interface Changes {
  /** The changed owners of one class. */
  // biome-ignore lint/suspicious/noExplicitAny: any class of the model can be asked for
  of<Owner>(kind: abstract new (...args: any[]) => Owner): readonly Owner[];
  /** Every entry in order, for laws that need what stood there before. */
  each(visit: (owner: object, key: unknown, old: unknown) => void): void;
}

/** The things a law speaks of: all of them, and those whose truth a step can have changed. */
export interface Domain<World, Item> {
  readonly name: string;
  all(world: World): Iterable<Item>;
  changed(world: World, happened: Happened): Iterable<Item>;
}

/**
 * History that laws need and the kernel does not keep. It lives beside the world, changes only through the world's
 * journal, and is kept by looking at the state, never by asking the code that a law judges.
 */
export interface Ghost<World = unknown> {
  readonly name: string;
  /** Sets up its state for a fresh world, reading whatever the world already holds. */
  begin(world: World): void;
  /** Follows one step. */
  follow(world: World, happened: Happened): void;
}

/** Says that the law is broken; the evidence is a sentence with the values a human needs. */
export type Violated = (evidence: string) => void;

interface LawBase<World> {
  readonly name: string;
  /** The law as one sentence. */
  readonly law: string;
  readonly ghosts?: readonly Ghost<World>[];
}

/** A law about every item of a domain in every reachable state. Only what a step changed is judged after it. */
export interface ItemLaw<World, Item> extends LawBase<World> {
  readonly over: Domain<World, Item>;
  judge(world: World, item: Item, violated: Violated): void;
}

/** A law about a whole state: judged in full after every step, so it should be cheap. */
export interface StateLaw<World> extends LawBase<World> {
  readonly over?: undefined;
  judge(world: World, violated: Violated): void;
}

/** A law about a step: what was, what happened, what is. */
export interface StepLaw<World> extends LawBase<World> {
  /** The names of the operations it is about: after others it is not even asked. All where it names none. */
  readonly after?: readonly string[];
  /** Whether it has anything to judge there; always where it does not say. */
  concerns?(world: World, happened: Happened): boolean;
  judgeStep(world: World, happened: Happened, violated: Violated): void;
}

// biome-ignore lint/suspicious/noExplicitAny: the item's type is the law's own affair
export type Invariant<World> = ItemLaw<World, any> | StateLaw<World> | StepLaw<World>;

/** Declares a law over the items of a domain. */
export function invariant<World, Item>(law: ItemLaw<World, Item>): ItemLaw<World, Item>;
/** Declares a law over a whole state, or over a step. */
export function invariant<World>(law: StateLaw<World> | StepLaw<World>): StateLaw<World> | StepLaw<World>;
export function invariant(law: unknown): unknown {
  return law;
}
