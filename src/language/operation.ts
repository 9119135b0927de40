import type { Argument, MadeArgument } from './argument.ts';
import type { SystemCall } from './system-call.ts';

/** What `apply` is given for what an operation takes: the value, or the object that a result stands for. */
export type Taken<Takes> = {
  readonly [Name in keyof Takes]: Takes[Name] extends MadeArgument<infer Made>
    ? Made
    : Takes[Name] extends Argument<infer Value>
      ? Value
      : never;
};

/**
 * One thing that can happen, described in one block. From it come state-aware generation, trace text, slicing, enumeration
 * and, with `syscall`, the live target and C.
 */
export interface Operation<World = unknown, Takes extends Record<string, unknown> = Record<string, unknown>> {
  readonly name: string;
  /** Names it had in earlier releases; traces that use them stay readable. */
  readonly aliases?: readonly string[];
  /** One sentence for `list operations`, with the kernel function it stands for. */
  readonly does: string;
  /** In the order in which trace text gives them. Names of results come first there. */
  readonly takes: Takes;
  /** The kinds of the results; `apply` returns the object, or a tuple of them when there are several. */
  readonly makes?: string | readonly string[];
  /** The `made` argument whose result no longer lives after a step that succeeded. */
  readonly ends?: keyof Takes & string;
  /** A step that stands for freedom of the hardware: leaving it out of a trace is always sound. */
  readonly hint?: boolean;
  /** How often generation draws it beside the others; 1 when not stated. */
  readonly weight?: number;
  /** Whether the step makes sense now. Wrong uses that the kernel answers are steps: they belong into `apply`. */
  ready?(world: World, taken: Taken<Takes>): boolean;
  /** Performs the step. Returns what it makes, or what it shows, or a {@link Refusal}. */
  apply(world: World, taken: Taken<Takes>): unknown;
  /** What a step that makes something shows beside it: what a live kernel can be asked too. */
  shows?(world: World, taken: Taken<Takes>, made: unknown): Shown;
  /**
   * What a running kernel is asked for in place of this step, worked out before the step is performed. Undefined where these
   * arguments only exist on the model (a failure inside the kernel, a stage of a call).
   */
  syscall?(world: World, taken: Taken<Takes>): SystemCall | undefined;
}

/** What a step showed: compared between targets, printed by `explain`. */
export type Shown =
  | undefined
  | null
  | number
  | bigint
  | string
  | boolean
  | Uint8Array
  | readonly Shown[]
  | { readonly [name: string]: Shown };

/** The kernel said no: an errno by name, or NULL where the function returns a pointer. A value, never an exception. */
export class Refusal {
  readonly answer: string;

  constructor(answer: string) {
    this.answer = answer;
  }

  toString(): string {
    return this.answer;
  }
}

const refusals = new Map<string, Refusal>();

/** The refusal with this answer (`'-ENOMEM'`, `'NULL'`): the same object each time. */
export function refuse(answer: string): Refusal {
  let refusal = refusals.get(answer);
  if (refusal === undefined) {
    refusal = new Refusal(answer);
    refusals.set(answer, refusal);
  }
  return refusal;
}

/** An operation whose world and arguments are the engine's to match. */
// biome-ignore lint/suspicious/noExplicitAny: a registry holds operations of every world and every set of arguments
export type AnyOperation = Operation<any, any>;

/** Declares an operation; only the types do any work. */
export function operation<World, const Takes extends Record<string, unknown>>(
  description: Operation<World, Takes>,
): Operation<World, Takes> {
  return description;
}

/** The kinds of an operation's results, in order. */
export function kindsMade({ makes }: AnyOperation): readonly string[] {
  if (makes === undefined) return [];
  return typeof makes === 'string' ? [makes] : makes;
}
