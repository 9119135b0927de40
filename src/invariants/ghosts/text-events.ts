import type { Happened } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { World } from '../../model/world.ts';
import { programTextEvents } from './program-text-events.ts';
import { sharedTextEvents } from './shared-text-events.ts';
import type { Readers, TextEvent } from './text-event.ts';

const readers: Readers = { ...programTextEvents, ...sharedTextEvents };

/**
 * Reads each step as the text events that it should have caused: from its arguments, from what it returned and by the rules of
 * kernel/bpf/core.c written down a second time. No line of the allocators is called.
 *
 * @param codeOf the byte of machine code that the JIT wrote for a program, when it did
 */
export function textEvents(
  world: World,
  { operation, taken, returned }: Happened,
  codeOf: (binary: object) => number | undefined,
): readonly TextEvent[] {
  const reader = readers[operation.name];
  return reader === undefined ? [] : reader({ world, taken, returned, refused: returned instanceof Refusal, codeOf });
}
