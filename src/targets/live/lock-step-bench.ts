import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { MachineSettings, Suite } from '../../language/suite.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { ArenaTarget } from './arena-target.ts';
import { openArenaTools } from './arena-tools.ts';
import { available, type Facility, having } from './facility.ts';
import type { LiveKernel } from './live-kernel.ts';
import { inLockStep, type Whereabouts } from './lock-step.ts';
import { performable } from './performable.ts';

/** What a lock-step suite is made of beside the running kernel. */
export interface BenchOptions {
  readonly allowedHazards: readonly string[];
  /** Whether steps are drawn by chance: see {@link performable}. */
  readonly drawn: boolean;
  /** How a second process is started: see PeerProcess. */
  readonly peerCommand: readonly string[];
  /** Told before each step what is about to be done. */
  readonly whereabouts?: Whereabouts;
}

/** A suite of arenas in lock-step with the running kernel, and what has to be closed afterwards. */
export interface LockStepBench {
  readonly suite: Suite<ArenaWorld>;
  /** The modelled machine, as far as the running one shows through. */
  readonly machine: MachineSettings;
  close(): void;
}

/** Puts a suite and the running kernel side by side; the reason where the kernel can't be reached. */
export function openBench(
  kernel: LiveKernel,
  model: Suite<ArenaWorld>,
  options: BenchOptions,
): Facility<LockStepBench> {
  return having(openArenaTools(kernel), (tools) => {
    const target = new ArenaTarget(tools, options.peerCommand);
    const allowed = restrictionsOf(kernel.release, options);
    const suite = inLockStep(model, target, allowed, options.whereabouts);
    return available({ suite, machine: machineOfThisOne(), close: () => target.close() });
  });
}

/** What may be asked of this machine's kernel. */
export function restrictionsOf(
  release: string,
  { allowedHazards, drawn }: BenchOptions,
): ReturnType<typeof performable> {
  const nodes = nodesOnline();
  return performable({
    release,
    allowedHazards: new Set(allowedHazards),
    nodeExists: (node) => node === -1 || nodes.has(node),
    drawn,
  });
}

/** Memory shows in what may be mapped privately. Two CPUs are enough for any trace of one thread. */
export const machineOfThisOne = (): MachineSettings => ({
  cpus: '2',
  memory: String(Math.floor(totalmem() / 2 ** 20)),
});

/** The numbers of the NUMA nodes that are there, from a list such as `0-1,3`. */
function nodesOnline(): ReadonlySet<number> {
  try {
    const text = readFileSync('/sys/devices/system/node/online', 'latin1').trim();
    const runs = text.split(',').map((run) => run.split('-').map(Number));
    return new Set(
      runs.flatMap(([first = 0, last = first]) => Array.from({ length: last - first + 1 }, (_, at) => first + at)),
    );
  } catch {
    return new Set([0]);
  }
}
