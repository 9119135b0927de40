import type { Argument, Draft, MadeArgument } from '../language/argument.ts';

/**
 * Wrong arguments, often enough and no more. A call takes up to twelve arguments; were each of them wrong one time in ten, few
 * calls would get past the checks and nothing behind these would ever happen. So most runs are those of a careful caller who
 * errs rarely, and in some every sixth argument is wrong.
 */

/** Whether this argument is drawn as if its caller knew nothing of its rules. */
const isCareless = ({ random, boundaryLean }: Draft): boolean => random.chance(0.005 + 0.3 * boundaryLean);

/** What a careful caller passes, and now and then any value the argument can have: mostly one of its boundaries. */
export function carefully<Value>(any: Argument<Value>, careful: (draft: Draft) => NoInfer<Value>): Argument<Value> {
  return {
    ...any,
    draw: (draft) => (isCareless(draft) ? any.draw({ ...draft, boundaryLean: 0.8 }) : careful(draft)),
  };
}

/** A result of an earlier step, and rather one of which something is true: the first such of three. */
export function rather<Object>(
  any: MadeArgument<Object>,
  isRather: (object: Object, draft: Draft) => boolean,
): MadeArgument<Object> {
  return {
    ...any,
    draw(draft) {
      let drawn = any.draw(draft);
      for (let draw = 1; draw < 3 && drawn !== undefined; draw++) {
        if (isRather(draft.pool.object(drawn) as Object, draft)) break;
        drawn = any.draw(draft);
      }
      return drawn;
    },
  };
}
