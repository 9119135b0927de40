import { PAGE_SIZE } from '../../base/page.ts';
import { roundUp } from '../../base/word.ts';
import { KERNEL_DATA } from '../machine/page-table-entry.ts';
import { type ExecmemCoreProfile, type ExecmemType, execmemTypes } from './execmem-profile.ts';
import type { KernelLog } from './kernel-log.ts';
import type { Layout, Window } from './layout.ts';
import type { RoxCache } from './rox-cache.ts';
import { pageOfText, type TextAddress, textAddress } from './text-address.ts';
import type { Vmalloc } from './vmalloc.ts';

/** Where memory of one type may lie, and how it is mapped: struct execmem_range. */
export interface ExecmemRange {
  readonly window: Window | undefined;
  /** Tried when the window is full. */
  readonly fallback?: Window;
  /** Page protection. */
  readonly flags: number;
  /** In bytes. */
  readonly alignment: number;
  /** EXECMEM_ROX_CACHE */
  readonly cached: boolean;
}

/** What an architecture says of each type; those it says nothing of are like the default. */
export type ExecmemInfo = Partial<Record<ExecmemType, Partial<ExecmemRange>>>;

interface Parts {
  readonly profile: ExecmemCoreProfile;
  readonly vmalloc: Vmalloc;
  readonly cache: RoxCache;
  readonly log: KernelLog;
  /** What execmem_arch_setup() gave. */
  readonly info: ExecmemInfo;
}

/**
 * Models execmem_alloc() and execmem_free() of mm/execmem.c (6.10): one API for all users of executable memory, which an
 * architecture describes by one range per type.
 */
export class Execmem {
  readonly ranges: Readonly<Record<ExecmemType, ExecmemRange>>;
  /** False when the architecture's default range lacks something: then pr_crit says that module loading will fail. */
  readonly isUsable: boolean;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { info, profile } = parts;
    this.isUsable = isValid(info['module-text']);
    const hasCache = profile.cached.length > 0;
    const ranges = completed(info);
    this.ranges = Object.fromEntries(
      execmemTypes.map((type) => [type, { ...ranges[type], cached: ranges[type].cached && hasCache }]),
    ) as Record<ExecmemType, ExecmemRange>;
  }

  /**
   * execmem_alloc(): undefined stands for NULL. Sizes are whole pages from 6.17 on, and callers before asked for whole pages;
   * size 0, which an errno taken for a size rounds to, is warned of and refused.
   * @param cpu the CPU that fills a new block of the cache
   */
  allocate(type: ExecmemType, size: number, cpu: number): TextAddress | undefined {
    const bytes = this.size(size);
    if (bytes <= 0) {
      this.#parts.log.warn('vmalloc of size 0');
      return undefined;
    }
    const range = this.rangeOf(type);
    return range.cached ? this.#parts.cache.allocate(bytes, cpu) : this.#vmalloc(range, bytes);
  }

  /** execmem_free(): the cache is asked first, then vfree(). */
  release(address: TextAddress, cpu: number): void {
    const { cache, vmalloc } = this.#parts;
    if (!cache.release(address, cpu)) vmalloc.free(pageOfText(address));
  }

  /** Where memory of this type comes from. */
  rangeOf(type: ExecmemType): ExecmemRange {
    return this.ranges[type];
  }

  /** PAGE_ALIGN() in 64 bits: a small negative number, read as a size, wraps to 0. */
  size(size: number): number {
    return roundUp(size, PAGE_SIZE) % 2 ** 64;
  }

  #vmalloc({ window, fallback, flags, alignment }: ExecmemRange, sizeBytes: number): TextAddress | undefined {
    const { vmalloc } = this.#parts;
    const request = { sizeBytes, flags, align: Math.max(1, alignment / PAGE_SIZE), flushResetPerms: true };
    for (const place of [window, fallback]) {
      const area = place === undefined ? undefined : vmalloc.allocate({ ...request, window: place });
      if (area !== undefined) return textAddress(area.firstPage);
    }
    return undefined;
  }
}

/** What x86-64 describes: the module window for all types; the cache for those of the profile, where there are large pages. */
export function x86Execmem({ modules }: Layout, { cached }: ExecmemCoreProfile, largePages: boolean): ExecmemInfo {
  const base = { window: modules, flags: KERNEL_DATA, alignment: PAGE_SIZE };
  return Object.fromEntries(
    execmemTypes.map((type) => [type, { ...base, cached: largePages && cached.includes(type) }]),
  );
}

/** What the default range must have, or nothing can be loaded: a window, an alignment and a protection. */
function isValid(range: Partial<ExecmemRange> | undefined): boolean {
  return range?.window !== undefined && (range.alignment ?? 0) > 0 && (range.flags ?? 0) !== 0;
}

/** Types without a window are like module text; module data is never executable by its birth. */
function completed(info: ExecmemInfo): Record<ExecmemType, ExecmemRange> {
  const fallback: ExecmemRange = { window: undefined, flags: 0, alignment: 1, cached: false, ...info['module-text'] };
  const entries = execmemTypes.map((type) => {
    const own = info[type];
    if (own?.window !== undefined) return [type, { ...fallback, cached: false, ...own }] as const;
    const flags = type === 'module-data' ? KERNEL_DATA : (own?.flags ?? fallback.flags);
    return [type, { ...fallback, flags }] as const;
  });
  return Object.fromEntries(entries) as Record<ExecmemType, ExecmemRange>;
}
