import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

/**
 * The counters are meant for the direct map, but every address that virt_addr_valid() accepts is counted when it splits or
 * collapses, and that includes the kernel image: so its leaves count too, less those it was mapped with at boot.
 */
export const levelCountersCountLeaves = invariant({
  name: 'level-counters-count-leaves',
  law: 'DirectMap4k, 2M and 1G are the leaves of the direct map, and the splits and collapses of the kernel image with them.',
  ghosts: [mappings],
  judge(world: World, violated) {
    const { counts } = mappingsOf(world);
    const { directMap, image, configuration } = world;
    const imagePages = image.whole.end - image.whole.first;
    const atBoot = { 1: configuration.pse ? 0 : imagePages, 2: configuration.pse ? imagePages / 512 : 0, 3: 0 };
    for (const level of [1, 2, 3] as const) {
      const leaves = counts['direct-map'][level] + counts.image[level] - atBoot[level];
      if (leaves !== directMap.counts[level]) {
        violated(`level ${level}: the counter says ${directMap.counts[level]}, there are ${leaves}`);
      }
    }
  },
});
