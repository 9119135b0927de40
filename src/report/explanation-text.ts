import type { ArgumentExplanation, StepExplanation } from '../engine/explain/explain.ts';
import type { Argument } from '../language/argument.ts';
import type { Step } from '../language/trace.ts';
import { printValue } from '../language/trace-text/value.ts';
import { counted } from './numbers.ts';

/** What a step of a failing trace has to do with the failure, in one or two lines. */
export function explanationLines(
  step: Step,
  explained: StepExplanation,
  names: ReadonlyMap<number, string>,
): readonly string[] {
  const values = explained.arguments.flatMap((one) => argumentText(step, one, names) ?? []);
  return [needText(explained), ...(values.length === 0 ? [] : [`the failure stays with ${values.join('; ')}`])];
}

function needText({ need, takesAlong, ...place }: StepExplanation): string {
  const along = takesAlong.length === 0 ? '' : ` with ${stepNumbers(takesAlong)}, which need it`;
  switch (need) {
    case 'failing':
      return 'the failing step';
    case 'needed':
      return `needed${placeText(place)}`;
    case 'idle':
      return `can be left out${along}`;
    case 'placed':
      return `can be left out${along}, but its place matters${placeText(place)}`;
  }
}

function placeText({ earliest, latest, isBound }: Omit<StepExplanation, 'need' | 'takesAlong' | 'arguments'>): string {
  const { before, behind } = isBound;
  const [first, last] = [earliest + 1, latest + 1];
  if (before && behind) return first === last ? `, as step ${first} only` : `, as step ${first} to ${last} only`;
  if (before) return `, as step ${first} at the earliest`;
  if (behind) return `, as step ${last} at the latest`;
  return first === last ? '' : ', at any place where it is possible';
}

function argumentText(
  { operation, args }: Step,
  explained: ArgumentExplanation,
  names: ReadonlyMap<number, string>,
): string | undefined {
  const { name } = explained;
  const text = (value: unknown) => {
    const syntax = (operation.takes[name] as Argument<unknown>).write(value);
    return syntax.kind === 'block' ? counted(syntax.lines.length, 'line') : printValue(syntax);
  };
  switch (explained.kind) {
    case 'numbers': {
      const { from, to, isWhole } = explained;
      if (from === to) return `${name} ${text(from)} only`;
      if (isWhole.below && isWhole.above) return `any ${name}`;
      if (isWhole.below) return `${name} up to ${text(to)}`;
      return isWhole.above ? `${name} from ${text(from)} on` : `${name} from ${text(from)} to ${text(to)}`;
    }
    case 'words': {
      const { persists, goesAway } = explained;
      if (persists.length + goesAway.length === 0) return undefined;
      if (goesAway.length === 0) return `any ${name} that was tried`;
      const own = text(args[name]);
      if (persists.length === 0) return `${name} ${own} only`;
      return `${name} ${[own, ...persists].join(', ')} and not ${goesAway.join(', ')}`;
    }
    case 'result': {
      const { others, isTried } = explained;
      if (!isTried) return undefined;
      const own = resultName(args[name] as number, names);
      if (others.length === 0) return `${own} only as ${name}`;
      return `${[own, ...others.map((id) => resultName(id, names))].join(' or ')} as ${name}`;
    }
  }
}

function resultName(id: number, names: ReadonlyMap<number, string>): string {
  return names.get(id) ?? `#${id}`;
}

function stepNumbers(indices: readonly number[]): string {
  const numbers = indices.map((index) => index + 1).join(', ');
  return indices.length === 1 ? `step ${numbers}` : `steps ${numbers}`;
}
