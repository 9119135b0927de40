import type { Happened } from './invariant.ts';

/**
 * What a real kernel version does against a law. The profile reproduces it; this record exempts exactly those
 * violations on those kernels, so that a run counts them as known.
 */
export interface KernelBug<World = unknown> {
  readonly name: string;
  readonly story: string;
  readonly kernels: readonly string[];
  readonly laws: readonly string[];
  /** The upstream commit that mends it, where known. */
  readonly fix?: string;
  /** Whether this violation after this step is that bug. */
  recognises(world: World, happened: Happened, evidence: string): boolean;
}

export function kernelBug<World>(description: KernelBug<World>): KernelBug<World> {
  return description;
}
