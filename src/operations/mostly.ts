import type { Argument } from '../language/argument.ts';

/** Draws one of the likely words this often, any word otherwise. */
export function mostly<Word extends string>(
  words: Argument<Word>,
  likely: readonly NoInfer<Word>[],
  probability: number,
): Argument<Word> {
  return {
    ...words,
    draw: (draft) => (draft.random.chance(probability) ? draft.random.pick(likely) : words.draw(draft)),
  };
}
