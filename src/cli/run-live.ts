import { InputError } from '../language/input-error.ts';
import type { ChosenProfile } from '../targets/live/kernel-profile.ts';
import type { Answer, Desk } from './desk.ts';
import { runLiveArenas } from './run-live-arenas.ts';
import { runLiveCore } from './run-live-core.ts';
import { runLiveJit } from './run-live-jit.ts';
import { runLivePacks } from './run-live-packs.ts';
import type { RunLiveOptions } from './run-options.ts';

/** What `run --target live` can be told. */
type RunOne = (desk: Desk, chosen: ChosenProfile | undefined, options: RunLiveOptions) => Promise<Answer>;

const SUITES: Readonly<Record<string, RunOne>> = {
  arena: runLiveArenas,
  'prog-pack': runLivePacks,
  jit: runLiveJit,
  'core-relocation': runLiveCore,
};

/** `run SUITE --target live`: the same steps on the running kernel and on the model, compared after each. */
export async function runLive(desk: Desk, suites: readonly string[], options: RunLiveOptions): Promise<Answer> {
  const [name] = suites;
  const runOne = name === undefined || suites.length > 1 ? undefined : SUITES[name];
  if (runOne === undefined) {
    const known = Object.keys(SUITES).map((one) => `"run ${one} --target live"`);
    throw new InputError(`expected one suite that a running kernel performs: ${known.join(' or ')}`);
  }
  if (options.machine !== undefined) {
    throw new InputError('--machine is about the modelled machine; the running one is as it is');
  }
  return runOne(desk, profileOf(desk, options), options);
}

function profileOf(desk: Desk, { kernel: names }: RunLiveOptions): ChosenProfile | undefined {
  if (names === undefined) return undefined;
  if (names.length > 1 || names[0] === 'all')
    throw new InputError('expected one kernel to compare the running one with');
  return { profile: desk.registry.kernel(names[0]!), caution: undefined };
}
