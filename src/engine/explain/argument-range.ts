import { type Argument, type Draft, Expected } from '../../language/argument.ts';
import { valueText } from '../step-text.ts';

/** The numbers around the one in the trace with which the failure persists. */
export interface NumberRange {
  readonly kind: 'numbers';
  readonly from: number | bigint;
  readonly to: number | bigint;
  /** Whether the range ends where the argument's own values end. */
  readonly isWhole: { readonly below: boolean; readonly above: boolean };
}

/** Of values that are no numbers: with which of the telling ones the failure persists, and with which it goes away. */
export interface WordChoice {
  readonly kind: 'words';
  readonly persists: readonly string[];
  readonly goesAway: readonly string[];
}

/**
 * Finds the range by galloping: ever longer strides away from the value until the failure goes away, then bisection. At most
 * twice the logarithm of the range in variants; what lies between two that fail is taken to fail too.
 */
export function rangeOf(
  argument: Argument<unknown>,
  value: number | bigint,
  persists: (value: unknown) => boolean,
): NumberRange {
  const { at: from, isEnd: below } = borderOf(argument, value, -1n, persists);
  const { at: to, isEnd: above } = borderOf(argument, value, 1n, persists);
  return { kind: 'numbers', from, to, isWhole: { below, above } };
}

function borderOf(
  argument: Argument<unknown>,
  value: number | bigint,
  direction: 1n | -1n,
  persists: (value: unknown) => boolean,
): { readonly at: number | bigint; readonly isEnd: boolean } {
  const isNumber = typeof value === 'number';
  const at = (distance: bigint) => {
    const moved = BigInt(value) + direction * distance;
    return isNumber ? Number(moved) : moved;
  };
  const isTaken = (distance: bigint) => {
    const moved = at(distance);
    if (isNumber && !Number.isSafeInteger(moved)) return false;
    return !(argument.read(argument.write(moved)) instanceof Expected);
  };
  // How far the argument's own values reach costs no variant.
  const reach = furthest(isTaken, 1n << 64n);
  if (reach === 0n) return { at: value, isEnd: true };
  const fails = furthest((distance) => persists(at(distance)), reach);
  return { at: at(fails), isEnd: fails === reach };
}

/** The longest distance up to `limit` for which the answer is still yes, found in strides of 1, 2, 4, ... and by bisection. */
function furthest(holds: (distance: bigint) => boolean, limit: bigint): bigint {
  let [yes, no] = [0n, limit + 1n];
  for (let stride = 1n; yes < limit; stride *= 2n) {
    const next = yes + stride < limit ? yes + stride : limit;
    if (!holds(next)) {
      no = next;
      break;
    }
    yes = next;
  }
  while (no - yes > 1n && yes < limit) {
    const middle = (yes + no) / 2n;
    if (holds(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}

/** Tries the telling values of the argument. */
export function wordChoice(
  argument: Argument<unknown>,
  value: unknown,
  draft: Draft,
  persists: (value: unknown) => boolean,
): WordChoice {
  const own = valueText(value);
  const others = new Map([...argument.few(draft), ...argument.simpler(value)].map((one) => [valueText(one), one]));
  others.delete(own);
  const [staying, going]: [string[], string[]] = [[], []];
  for (const [text, other] of [...others].slice(0, MOST_WORDS)) (persists(other) ? staying : going).push(text);
  return { kind: 'words', persists: staying, goesAway: going };
}

const MOST_WORDS = 16;
