import type { Step } from '../../language/trace.ts';
import { kindsOfResults } from '../dependencies.ts';

/** Which other results of the same kind, made before the step, the failure persists with; whether there were any to try. */
export function resultChoice(
  steps: readonly Step[],
  index: number,
  name: string,
  persists: (value: unknown) => boolean,
): { readonly kind: 'result'; readonly others: readonly number[]; readonly isTried: boolean } {
  const kinds = kindsOfResults(steps.slice(0, index));
  const own = steps[index]!.args[name] as number;
  const others = [...kinds].filter(([id, kind]) => id !== own && kind === kinds.get(own)).map(([id]) => id);
  return { kind: 'result', others: others.filter(persists), isTried: others.length > 0 };
}
