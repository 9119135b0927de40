import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  function as aFunction,
  array,
  integer,
  minLength,
  minValue,
  nonEmpty,
  number,
  object,
  pipe,
  safeParse,
  string,
} from 'valibot';
import { InputError } from '../language/input-error.ts';
import type { AnySuite } from '../language/suite.ts';

/** The suites that the modules behind `--with` export, in their order. Throws an InputError for what is no suite. */
export async function loadSuites(modules: readonly string[], folder: string): Promise<readonly AnySuite[]> {
  const suites: AnySuite[] = [];
  for (const path of modules) {
    const loaded = await load(resolve(folder, path), path);
    if (!Array.isArray(loaded.suites)) {
      throw new InputError('the module has no list of suites: expected `export const suites = [...]`', { file: path });
    }
    suites.push(...loaded.suites.map((suite, index) => demandSuite(suite, index, path)));
  }
  return suites;
}

async function load(path: string, shown: string): Promise<{ readonly suites?: unknown }> {
  try {
    return (await import(pathToFileURL(path).href)) as { readonly suites?: unknown };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(`the module cannot be loaded: ${reason}`, { file: shown });
  }
}

const NAMED = object({ name: pipe(string(), nonEmpty()) });

/** What a suite in plain JavaScript can get wrong; TypeScript would have said it earlier. */
const SUITE = object({
  name: pipe(string(), nonEmpty()),
  about: string(),
  kernels: pipe(array(string()), minLength(1)),
  boot: aFunction(),
  operations: pipe(
    array(object({ ...NAMED.entries, does: string(), takes: object({}), apply: aFunction() })),
    minLength(1),
  ),
  invariants: array(object({ ...NAMED.entries, law: string() })),
  runs: pipe(number(), integer(), minValue(1)),
  steps: pipe(number(), integer(), minValue(1)),
});

function demandSuite(value: unknown, index: number, path: string): AnySuite {
  const { success, issues } = safeParse(SUITE, value, { abortEarly: true });
  if (success) return value as AnySuite;
  const [issue] = issues;
  const field = issue.path?.map(({ key }) => String(key)).join('.');
  const where = field === undefined ? `suites[${index}]` : `suites[${index}].${field}`;
  throw new InputError(`${where} is wrong: ${issue.message}`, { file: path });
}
