import { pageOf } from '../../base/page.ts';
import type { LeafRun } from './leaf-run.ts';

/**
 * The parts of the kernel's half of the address space (Documentation/arch/x86/x86_64/mm.rst), as far as they can be told
 * without data symbols. The direct map and the kernel image are linear, so a leaf belongs to one of them exactly when page
 * minus frame is its constant; that holds under KASLR too. Parts below the image have fixed addresses. The rest is vmalloc
 * space, and with it vmemmap, whose beginnings are random and hidden.
 */
export type Region =
  | 'direct map'
  | 'vmalloc and vmemmap'
  | 'CPU entry areas'
  | 'ESPFIX stacks'
  | 'EFI'
  | 'kernel image'
  | 'modules and JIT'
  | 'fixmap and vsyscall';

export interface AddressSpace {
  /** The page of the direct map that shows frame 0. */
  readonly directMapPage: number;
  /** Page minus frame for the kernel image; undefined where kernel addresses are hidden. */
  readonly imageShift: number | undefined;
}

export function regionOf({ directMapPage, imageShift }: AddressSpace, { page, frame }: Place): Region {
  if (page - frame === directMapPage) return 'direct map';
  const fixed = FIXED.find(({ first, last }) => first <= page && page <= last);
  if (fixed !== undefined) return fixed.region;
  if (page < IMAGE_WINDOW) return 'vmalloc and vmemmap';
  return page - frame === imageShift ? 'kernel image' : 'modules and JIT';
}

type Place = Pick<LeafRun, 'page' | 'frame'>;

const IMAGE_WINDOW = pageOf(0xffff_ffff_8000_0000n);

const FIXED: readonly { readonly region: Region; readonly first: number; readonly last: number }[] = [
  { region: 'CPU entry areas', first: pageOf(0xffff_fe00_0000_0000n), last: pageOf(0xffff_fe7f_ffff_ffffn) },
  { region: 'ESPFIX stacks', first: pageOf(0xffff_ff00_0000_0000n), last: pageOf(0xffff_ff7f_ffff_ffffn) },
  { region: 'EFI', first: pageOf(0xffff_ffef_0000_0000n), last: pageOf(0xffff_fffe_ffff_ffffn) },
  { region: 'fixmap and vsyscall', first: pageOf(0xffff_ffff_ff00_0000n), last: pageOf(0xffff_ffff_ffff_ffffn) },
];
