import { assert } from '../base/assert.ts';
import type { Happened } from '../language/invariant.ts';
import type { JournaledWorld, Suite } from '../language/suite.ts';
import { StepChanges } from './changes.ts';
import type { CompiledOperation, Values } from './compiled-operation.ts';
import type { Pool } from './pool.ts';

/** The booted world of a session with all that performing steps on it needs. */
export class Stage<World extends JournaledWorld> {
  readonly pool: Pool;
  /** The step just performed, as laws and ghosts see it. */
  readonly happened: { -readonly [Key in keyof Happened]: Happened[Key] };
  readonly #changes: StepChanges;
  #world: World;
  #freshPosition: number;

  constructor(world: World, pool: Pool, { operation }: CompiledOperation) {
    this.#world = world;
    this.#freshPosition = world.journal.position;
    this.pool = pool;
    this.#changes = new StepChanges(world.journal);
    this.happened = { operation, taken: {}, returned: undefined, changes: this.#changes };
  }

  get world(): World {
    return this.#world;
  }

  /** Where the journal stood when the world was fresh. */
  get freshPosition(): number {
    return this.#freshPosition;
  }

  /** Where the journal stood before the last step. */
  get stepPosition(): number {
    return this.#changes.from;
  }

  /** Goes on with a fresh world. */
  begin(world: World): void {
    this.#world = world;
    this.#freshPosition = world.journal.position;
    this.pool.begin(world.journal);
    this.#changes.watch(world.journal);
  }

  /** Performs a step that makes sense; nobody has judged it yet. */
  apply(compiled: CompiledOperation, taken: Values): unknown {
    const { happened } = this;
    this.#changes.begin();
    const returned = compiled.apply(this.#world, taken);
    happened.operation = compiled.operation;
    happened.taken = taken;
    happened.returned = returned;
    return returned;
  }

  /** Tells of a step that somebody performed himself, since the journal stood at `position`. */
  tell({ operation }: CompiledOperation, taken: Values, returned: unknown, position: number): void {
    this.#changes.begin(position);
    this.happened.operation = operation;
    this.happened.taken = taken;
    this.happened.returned = returned;
  }

  /** The classes of what the step just performed changed in the world and in the ghosts beside it, but for mere copies. */
  kindsChanged({ copies = [] }: Pick<Suite, 'copies'>): readonly string[] {
    const kinds = new Set<string>();
    this.#changes.each((owner) => {
      if (owner !== this.pool && !copies.some((kind) => owner instanceof kind)) kinds.add(owner.constructor.name);
    });
    return [...kinds].sort();
  }

  /** Enters what a step made, of which `made` are the numbers. */
  bindResults({ kindIndices }: CompiledOperation, made: readonly number[], returned: unknown): void {
    const { pool } = this;
    assert(made.length === kindIndices.length, 'a step names as many results as its operation makes');
    if (made.length === 1) {
      pool.bind(made[0]!, kindIndices[0]!, returned);
      return;
    }
    const objects = objectsOf(returned, made.length);
    for (let index = 0; index < made.length; index++) pool.bind(made[index]!, kindIndices[index]!, objects[index]);
  }

  /** The same for several results whose numbers follow one another. */
  bindSeveral({ kindIndices }: CompiledOperation, first: number, returned: unknown): void {
    const objects = objectsOf(returned, kindIndices.length);
    for (const [index, kind] of kindIndices.entries()) this.pool.bind(first + index, kind, objects[index]);
  }
}

function objectsOf(returned: unknown, count: number): readonly unknown[] {
  assert(Array.isArray(returned) && returned.length === count, 'an operation returns each of its results');
  return returned;
}
