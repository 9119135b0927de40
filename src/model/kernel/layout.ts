/** A half-open range of pages [first, end). */
export interface Window {
  readonly first: number;
  readonly end: number;
}

export const contains = ({ first, end }: Window, page: number): boolean => page >= first && page < end;

/** Where the kernel half of the address space has what, in page numbers (Documentation/arch/x86/x86_64/mm.rst). */
export interface Layout {
  /** Page of the direct map that maps frame 0 (PAGE_OFFSET without randomisation). */
  readonly directMap: number;
  readonly vmalloc: Window;
  /** The module window: within two gigabytes of the kernel's text, so that rel32 reaches. */
  readonly modules: Window;
  /** Page of the high mapping that maps frame 0 (__START_KERNEL_map). */
  readonly kernelMap: number;
}

/**
 * @param levels 4, or 5 with LA57: the direct map and vmalloc space move, the top two gigabytes do not
 * @param moduleOffset pages by which address-space randomisation moves the start of the module window
 */
export function layoutOf(levels: 4 | 5, moduleOffset: number): Layout {
  return {
    ...(levels === 4
      ? { directMap: 0xffff888000000, vmalloc: { first: 0xffffc90000000, end: 0xffffe90000000 } }
      : { directMap: 0xff11000000000, vmalloc: { first: 0xffa0000000000, end: 0xffd2000000000 } }),
    modules: { first: 0xffffffffa0000 + moduleOffset, end: 0xffffffffff000 },
    kernelMap: 0xffffffff80000,
  };
}
