import type { Argument } from '../language/argument.ts';

/** Draws one of the likely values this often, any value otherwise. */
export function mostly<Value>(
  values: Argument<Value>,
  likely: readonly NoInfer<Value>[],
  probability: number,
): Argument<Value> {
  return {
    ...values,
    draw: (draft) => (draft.random.chance(probability) ? draft.random.pick(likely) : values.draw(draft)),
  };
}
