import { afterAll } from 'vitest';
import type { Facility } from '../../src/targets/live/facility.ts';
import { LiveKernel } from '../../src/targets/live/live-kernel.ts';

/** The running kernel for the tests of a file, released when they are done. */
export async function reachedKernel(): Promise<LiveKernel> {
  const kernel = await LiveKernel.open();
  afterAll(() => kernel.close());
  return kernel;
}

/** Whether tests must be skipped because something is missing; prints why. */
export function isMissing(what: string, facility: Facility<unknown>): boolean {
  if (facility.kind === 'available') return false;
  console.log(`skipped, ${what}: ${facility.kind}, ${facility.why}`);
  return true;
}
