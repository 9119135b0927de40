import { isDeepStrictEqual } from 'node:util';

/** A field with two values that should be the same. */
interface Compared {
  readonly field: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/**
 * Follows two different values down to the first place where they differ: `packs[0].used[2][1]` with two numbers says more
 * than `packs` with two pages of text. Stops where only one side has something, or lists are not equally long.
 */
export function narrowed<Wide extends Compared>(wide: Wide): Wide {
  let { field, expected, actual } = wide;
  for (;;) {
    const key = firstDifferentKey(expected, actual);
    if (key === undefined) return { ...wide, field, expected, actual };
    field += Array.isArray(expected) ? `[${key}]` : `.${key}`;
    expected = (expected as Readonly<Record<string, unknown>>)[key];
    actual = (actual as Readonly<Record<string, unknown>>)[key];
  }
}

function firstDifferentKey(expected: unknown, actual: unknown): string | undefined {
  if (!isContainer(expected) || !isContainer(actual)) return undefined;
  const keys = Object.keys(expected);
  const lists = Array.isArray(expected) && Array.isArray(actual);
  const sameShape = lists || !(Array.isArray(expected) || Array.isArray(actual));
  if (!sameShape || (lists && keys.length !== Object.keys(actual).length)) return undefined;
  return keys.find((key) => key in actual && !isDeepStrictEqual(expected[key], actual[key]));
}

function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
