import { type AddressSpace, type Region, regionOf } from './address-space.ts';
import { type LeafRun, leafSizeName, pageCountOf, rightsText } from './leaf-run.ts';

/** How one part of the kernel's address space is mapped: leaves by size, pages by rights. */
export interface RegionCensus {
  readonly region: Region;
  readonly leaves: Readonly<Record<'4K' | '2M' | '1G', number>>;
  /** Base pages by effective rights, such as `r-x`. */
  readonly pages: Readonly<Record<string, number>>;
}

/** Counts every region that has a leaf, in the order of addresses. */
export function census(runs: readonly LeafRun[], space: AddressSpace): readonly RegionCensus[] {
  const counted = new Map<Region, { leaves: Record<'4K' | '2M' | '1G', number>; pages: Record<string, number> }>();
  for (const run of runs) {
    const region = regionOf(space, run);
    const row = counted.get(region) ?? { leaves: { '4K': 0, '2M': 0, '1G': 0 }, pages: {} };
    counted.set(region, row);
    row.leaves[leafSizeName(run.leafPages)] += run.leafCount;
    const rights = rightsText(run);
    row.pages[rights] = (row.pages[rights] ?? 0) + pageCountOf(run);
  }
  return [...counted].map(([region, row]) => ({ region, ...row }));
}
