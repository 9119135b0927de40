import { type AddressSpace, type Region, regionOf } from './address-space.ts';
import { type LeafRun, leafSizeName, pageCountOf, rightsText } from './leaf-run.ts';

/** How one part of the kernel's address space is mapped: leaves by size, pages by rights. */
export interface RegionCensus {
  readonly region: Region;
  readonly leaves: LeafCounts;
  /** Base pages by effective rights, such as `r-x`. */
  readonly pages: Readonly<Record<string, number>>;
}

/** Leaves by their size. */
export type LeafCounts = Readonly<Record<'4K' | '2M' | '1G', number>>;

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

/**
 * The kernel's own counters of direct-map leaves (arch/x86/mm/pat/set_memory.c:arch_report_meminfo()). Their changes agree
 * with the tables exactly; their absolute values differ by a constant, since boot counts early mappings too (measured).
 * Undefined where the file has none.
 */
export function directMapCounters(meminfo: string): LeafCounts | undefined {
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1]);
  const counters = {
    '4K': kilobytes('DirectMap4k') / 4,
    '2M': kilobytes('DirectMap2M') / 2048,
    // Absent where the CPU has no 1 GiB pages.
    '1G': (kilobytes('DirectMap1G') || 0) / 1048576,
  };
  return Number.isNaN(counters['4K']) ? undefined : counters;
}
