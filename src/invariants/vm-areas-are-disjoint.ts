import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { sayPage } from './evidence.ts';

export const vmAreasAreDisjoint = invariant({
  name: 'vm-areas-are-disjoint',
  law: 'No two areas of vmalloc space share a page, guard pages included where they have one, and each lies in vmalloc or module space.',
  judge({ vmapAreas, layout }: World, violated) {
    let behind = 0;
    for (const { firstPage, pageCount, guard = true } of vmapAreas.taken) {
      const end = firstPage + pageCount + (guard ? 1 : 0);
      if (firstPage < behind) violated(`the area at ${sayPage(firstPage)} begins before ${sayPage(behind)}`);
      const { vmalloc, modules } = layout;
      const inside =
        (firstPage >= vmalloc.first && end <= vmalloc.end) || (firstPage >= modules.first && end <= modules.end);
      if (!inside) violated(`the area at ${sayPage(firstPage)} of ${pageCount} pages leaves its window`);
      behind = end;
    }
  },
});
