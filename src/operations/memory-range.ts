import { integer } from '../language/argument.ts';
import type { VmArea } from '../model/kernel/vmalloc.ts';
import { describeFlags, isExecutable, isWritable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';

/** A page of an area, from its start. */
export const pageArgument = integer({
  min: 0,
  max: 2048,
  default: 0,
  boundaries: [0, 1, 511, 512],
  typical: ({ random }) => random.below(random.pick([1, 1, 4, 40, 520])),
});

/** How many pages; what reaches beyond the area is cut off, so a large number stands for "to its end". */
export const countArgument = integer({
  min: 1,
  max: 2048,
  default: 2048,
  simplest: 1,
  boundaries: [1, 33, 34, 512],
  typical: ({ random }) => (random.chance(0.4) ? 2048 : random.between(1, 40)),
});

/** The pages of an area from `page` on, `count` at most. */
export const pagesIn = (area: VmArea, page: number, count: number): number => Math.min(count, area.pageCount - page);

export const isLive = (world: World, area: VmArea): boolean => world.vmalloc.areaAt(area.firstPage) === area;

/** Whether every one of the pages, in the area and in the direct map, has rights that pass the test; absent ones have none. */
export function everyPage(
  { machine: { kernelTables }, directMap }: World,
  area: VmArea,
  page: number,
  count: number,
  test: (areaFlags: number, directFlags: number) => boolean,
): boolean {
  for (let index = page; index < page + count; index++) {
    const there = kernelTables.translate(area.firstPage + index)?.flags ?? 0;
    const direct = kernelTables.translate(directMap.pageOf(area.frames[index]!))?.flags ?? 0;
    if (!test(there, direct)) return false;
  }
  return true;
}

export const mayExecute = (flags: number): boolean => flags !== 0 && isExecutable(flags);
export const mayWrite = (flags: number): boolean => flags !== 0 && isWritable(flags);

/** What a step shows of a page: its rights and those of its direct-map alias. */
export function rightsOf({ machine: { kernelTables }, directMap }: World, area: VmArea, page: number) {
  const there = kernelTables.translate(area.firstPage + page);
  const direct = kernelTables.translate(directMap.pageOf(area.frames[page]!));
  return {
    area: describeFlags(there?.flags ?? 0),
    areaLevel: there?.level ?? 0,
    directMap: describeFlags(direct?.flags ?? 0),
    directMapLevel: direct?.level ?? 0,
  };
}
