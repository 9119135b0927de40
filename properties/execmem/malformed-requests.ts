import type { TextAddress } from '../../src/model/kernel/text-address.ts';
import type { World } from '../../src/model/world.ts';
import { sharedState as allState, freshWorld as anyWorld, textBytes, windowOf } from './shared-text-state.ts';

export { windowOf };

export type Kernel = 'execmem-proposal' | 'vmalloc-text' | '6.15' | '6.18' | 'execmem-repaired';

/** A world, and its shared allocator's functions under one form. */
export function freshWorld(kernel: Kernel) {
  const world = anyWorld(kernel);
  const { proposal, vmallocText, execmem } = world.sharing;
  return {
    world,
    allocate(size: number, align = 64): TextAddress | undefined {
      if (kernel === 'execmem-proposal') return proposal.allocate(size, align, 0);
      return kernel === 'vmalloc-text'
        ? vmallocText.allocate(size, align, 0)
        : execmem.allocate('module-text', size, 0);
    },
    free(address: TextAddress): void {
      if (kernel === 'execmem-proposal') proposal.release(address, 0);
      else if (kernel === 'vmalloc-text') vmallocText.release(address, 0);
      else execmem.release(address, 0);
    },
    bytes: (address: TextAddress, length: number) => textBytes(world, address, length),
  };
}

/** A fill of one byte repeated. */
export function fill({ sharing }: World, to: TextAddress, length: number): string {
  const bytes = new Uint8Array(length).fill(0x90);
  const answer =
    sharing.profile.kind === 'vmalloc-text'
      ? sharing.vmallocText.copy(to, bytes, 0)
      : sharing.proposal.fill(to, bytes, 0);
  return typeof answer === 'number' ? 'done' : answer;
}

/** Ranges, blocks and areas: what a request that is refused must leave alone. */
export const sharedState = (world: World) => allState(world);
