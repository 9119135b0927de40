import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { MachineSettings, Suite } from '../../language/suite.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { ArenaTarget } from './arena-target.ts';
import { type IsAllowed, inLockStep, type Whereabouts } from './lock-step.ts';
import { refusal } from './performable.ts';

/** What the steps of a lock-step suite are held to. */
export interface BenchOptions {
  /** The release of the running kernel. */
  readonly release: string;
  readonly allowedHazards: readonly string[];
  /** Whether steps are drawn by chance: see {@link refusal}. */
  readonly drawn: boolean;
  /** Told before each step what is about to be done. */
  readonly whereabouts?: Whereabouts;
  /** Told why a step is not performed, as words behind "not performed:". */
  onRefusal?(reason: string): void;
}

/** A suite of arenas in lock-step with the running kernel. */
export interface LockStepBench {
  readonly suite: Suite<ArenaWorld>;
  /** The modelled machine, as far as the running one shows through. */
  readonly machine: MachineSettings;
}

/** Puts a suite and the running kernel side by side. The caller closes the target. */
export function benchFor(model: Suite<ArenaWorld>, target: ArenaTarget, options: BenchOptions): LockStepBench {
  const suite = inLockStep(model, target, restrictionsOf(options), options.whereabouts);
  return { suite, machine: machineOfThisOne() };
}

/** What of a machine decides which calls may be asked of its kernel. Plain data: it travels out of guests. */
export interface MachineCircumstances {
  /** The NUMA nodes that are there. */
  readonly nodes: readonly number[];
  readonly splitLocksTrap: boolean;
}

/** What may be asked of a machine's kernel; of this one, unless another is described. */
export function restrictionsOf(
  { release, allowedHazards, drawn, onRefusal }: BenchOptions,
  { nodes, splitLocksTrap } = circumstancesOfThisOne(),
): IsAllowed {
  const refused = refusal({
    release,
    allowedHazards: new Set(allowedHazards),
    nodeExists: (node) => node === -1 || nodes.includes(node),
    splitLocksTrap,
    drawn,
  });
  return (world, call) => {
    const reason = refused(world, call);
    if (reason !== undefined) onRefusal?.(reason);
    return reason === undefined;
  };
}

export const circumstancesOfThisOne = (): MachineCircumstances => ({
  nodes: nodesOnline(),
  splitLocksTrap: hasCpuFlag('split_lock_detect'),
});

/** Memory, in an even number of MiB, shows in what may be mapped privately. Two CPUs are enough for any trace of one thread. */
export const machineOfThisOne = (): MachineSettings => ({
  cpus: '2',
  memory: String(2 * Math.floor(totalmem() / 2 ** 21)),
});

/** Whether the CPU, as the kernel uses it, has a feature: one flag of /proc/cpuinfo, the same for all CPUs. */
function hasCpuFlag(flag: string): boolean {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ?? '';
    return flags.split(' ').includes(flag);
  } catch {
    return true; // Without /proc nothing is known, so the worst is assumed.
  }
}

/** The numbers of the NUMA nodes that are there, from a list such as `0-1,3`. */
function nodesOnline(): readonly number[] {
  try {
    const text = readFileSync('/sys/devices/system/node/online', 'latin1').trim();
    const runs = text.split(',').map((run) => run.split('-').map(Number));
    return runs.flatMap(([first = 0, last = first]) => Array.from({ length: last - first + 1 }, (_, at) => first + at));
  } catch {
    return [0];
  }
}
