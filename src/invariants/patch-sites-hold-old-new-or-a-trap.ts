import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

export const patchSitesHoldOldNewOrATrap = invariant({
  name: 'patch-sites-hold-old-new-or-a-trap',
  law: 'While instructions are being replaced, each place holds the old one whole, the new one whole, or an int3 first.',
  ghosts: [mappings],
  judge(world: World, violated) {
    for (const { place, old, new: bytes } of world.livePatching.active?.sites ?? []) {
      const found = bytesAt(world, place.page, place.offset, bytes.length);
      if (found === undefined || found[0] === 0xcc) continue;
      const isOld = found.every((byte, index) => byte === old[index]);
      const isNew = found.every((byte, index) => byte === bytes[index]);
      if (!isOld && !isNew) violated(`a CPU that comes there would run ${found.join(' ')}, neither old nor new`);
    }
  },
});

/** Bytes of kernel memory by the page tables; undefined where nothing is mapped. */
function bytesAt(world: World, page: number, offset: number, length: number): number[] | undefined {
  const bytes: number[] = [];
  for (let index = 0; index < length; index++) {
    const at = offset + index;
    const leaf = mappingsOf(world).leafAt(page + Math.floor(at / 4096));
    if (leaf === undefined) return undefined;
    const frame = leaf.frame + (page + Math.floor(at / 4096) - leaf.page);
    bytes.push(world.machine.memory.frame(frame).byteAt(at % 4096));
  }
  return bytes;
}
