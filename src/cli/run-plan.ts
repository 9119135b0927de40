import type { Registry } from '../lab/registry.ts';
import { InputError } from '../language/input-error.ts';
import type { AnySuite } from '../language/suite.ts';

/** What the user asked to be run. */
interface Wanted {
  readonly suites: readonly string[];
  readonly kernels: readonly string[] | undefined;
  /** One name, or several with commas between them. */
  readonly fault: string | undefined;
}

/** One suite on one kernel. */
export interface Job {
  readonly suite: AnySuite;
  readonly kernel: string;
  /** Says that the suite lacks the kernel, which is no mistake as long as nobody named the suite. */
  readonly lacking?: string;
}

/**
 * What to run on what: the named suites or all, each on its first kernel unless others were asked for; one that compares kernels,
 * and was named, on all of its. A fault brings its own suite and kernel. Throws an InputError for names that do not exist or do not fit together.
 */
export function planJobs(
  registry: Registry,
  { suites: suiteNames, kernels, fault: faultNames }: Wanted,
): readonly Job[] {
  const faults = faultNames === undefined ? [] : registry.faultsNamed(faultNames);
  const [first] = faults;
  const faultSuites = first === undefined ? registry.suites : [registry.suite(first.suite)];
  const named = suiteNames.length > 0;
  const suites = named ? suiteNames.map((name) => registry.suite(name)) : faultSuites;
  if (suites.length === 0) throw new InputError('there are no suites to run');
  for (const suite of suites) {
    for (const fault of faults) {
      if (suite.faults?.some(({ name }) => name === fault.name)) continue;
      throw new InputError(`the suite ${suite.name} has no fault ${fault.name}; it belongs to ${fault.suite}`);
    }
  }
  const wanted = kernels ?? (first === undefined ? undefined : [first.kernel]);
  for (const kernel of wanted ?? []) if (kernel !== 'all') registry.kernel(kernel);
  return suites.flatMap((suite) => jobsOf(suite, wanted, named || first !== undefined));
}

function jobsOf(suite: AnySuite, wanted: readonly string[] | undefined, demanded: boolean): readonly Job[] {
  const everyKernel = wanted === undefined ? demanded && suite.everyKernel === true : wanted.includes('all');
  if (everyKernel) return suite.kernels.map((kernel) => ({ suite, kernel }));
  if (wanted === undefined) return [{ suite, kernel: suite.kernels[0]! }];
  return wanted.map((kernel) => {
    if (suite.kernels.includes(kernel)) return { suite, kernel };
    const reason = `the suite ${suite.name} has no kernel ${kernel}; it has ${suite.kernels.join(', ')}`;
    if (demanded) throw new InputError(reason);
    return { suite, kernel, lacking: reason };
  });
}
