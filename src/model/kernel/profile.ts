import { type ExecmemProfile, execmemProfiles } from './execmem-profile.ts';
import { type ProgPackProfile, progPackProfiles } from './prog-pack-profile.ts';

/**
 * What a kernel version does where versions differ: a plain record of named behaviours, one section per subsystem. The code
 * asks for a behaviour, never for a version.
 */
export interface KernelProfile {
  readonly name: string;
  /** One sentence for `list kernels`. */
  readonly about: string;
  readonly pageAttributes: PageAttributeBehaviour;
  readonly vmalloc: VmallocBehaviour;
  readonly progPack: ProgPackProfile;
  readonly execmem: ExecmemProfile;
}

/** arch/x86/mm/pat/set_memory.c */
export interface PageAttributeBehaviour {
  /** set_memory_rox() merges uniform 4 KiB entries into large leaves again (41d88484c71c, 6.15). */
  readonly collapses: boolean;
  /** Before 6.2 a request that changes nothing but NX skipped the aliases, and so was flushed page by page (recalled). */
  readonly aliasesOfNoExecute: boolean;
  /** A mapping that becomes writable and executable is warned of, and made all the same (652c5bf380ad, 6.2; recalled). */
  readonly warnsOfWriteAndExecute: boolean;
}

/** mm/vmalloc.c */
export interface VmallocBehaviour {
  /**
   * Who gets 2 MiB leaves for areas of 2 MiB and more: nobody, every caller (x86 in 5.18-rc1 to -rc3), or callers that ask
   * with VM_ALLOW_HUGE_VMAP (559089e0a93d).
   */
  readonly hugeMappings: 'never' | 'by-default' | 'by-request';
  /**
   * Whether a freed area's direct-map entries are reset one base page at a time, which splits large ones, or a leaf at a
   * time. 7.3.4 leaves 2 MiB direct-map leaves whole after the release of a pack (recorded).
   */
  readonly resetsDirectMapBy: 'base-page' | 'leaf';
}

const modernAttributes: PageAttributeBehaviour = {
  collapses: true,
  aliasesOfNoExecute: true,
  warnsOfWriteAndExecute: true,
};

const earlyAttributes: PageAttributeBehaviour = {
  collapses: false,
  aliasesOfNoExecute: false,
  warnsOfWriteAndExecute: false,
};

const list: readonly KernelProfile[] = [
  {
    name: '6.18',
    about: 'Linux 6.18.44: packs of 2 MiB per node mapped with 4 KiB pages; uniform mappings collapse.',
    pageAttributes: modernAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.18'],
    execmem: execmemProfiles['6.17'],
  },
  {
    name: '6.1',
    about: 'Linux 6.1.192: packs made read-only first and executable after; no collapse.',
    pageAttributes: earlyAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.1'],
    execmem: execmemProfiles.none,
  },
  {
    name: '6.12',
    about: 'Linux 6.12.117: set_memory_rox() in one pass; no collapse; a failed finalize frees the chunk.',
    pageAttributes: { ...modernAttributes, collapses: false },
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.12'],
    execmem: execmemProfiles['6.10'],
  },
  {
    name: '6.18.15',
    about: 'Linux 6.18.15: an earlier stable release of 6.18.',
    pageAttributes: modernAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.18.15'],
    execmem: execmemProfiles['6.17'],
  },
  {
    name: '7.3',
    about: 'Linux 7.3.4: a pack is one 2 MiB leaf, and so is its direct-map alias.',
    pageAttributes: modernAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'leaf' },
    progPack: progPackProfiles['7.3'],
    execmem: execmemProfiles['7.x'],
  },
  {
    name: 'prog-pack-first',
    about: 'The program-pack series as first posted in January 2022, on 5.17 with huge vmalloc for everybody.',
    pageAttributes: earlyAttributes,
    vmalloc: { hugeMappings: 'by-default', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['prog-pack-first'],
    execmem: execmemProfiles.none,
  },
  {
    name: 'per-program-text',
    about: 'Linux 5.17 and earlier: every program has pages of its own.',
    pageAttributes: earlyAttributes,
    vmalloc: { hugeMappings: 'never', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['per-program-text'],
    execmem: execmemProfiles.none,
  },
  {
    name: 'module-alloc-huge',
    about:
      'Linux 5.19 with packs on module_alloc_huge() as proposed in June and July 2022: one 2 MiB leaf for each pack.',
    pageAttributes: earlyAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['module-alloc-huge'],
    execmem: execmemProfiles.none,
  },
  {
    name: 'vmalloc-text',
    about: 'Linux 6.1 with the text allocator for everybody that the reviews of 2022 asked for and nobody wrote.',
    pageAttributes: earlyAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['vmalloc-text'],
    execmem: execmemProfiles['vmalloc-text'],
  },
  {
    name: '6.10',
    about: 'Linux 6.10: mm/execmem.c gives every user of text an area of its own.',
    pageAttributes: { ...modernAttributes, collapses: false },
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.18'],
    execmem: execmemProfiles['6.10'],
  },
  {
    name: '6.13-rc',
    about: 'Linux 6.13-rc1 to -rc7: module text in a cache of large pages that are absent from the direct map.',
    pageAttributes: { ...modernAttributes, collapses: false },
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.18'],
    execmem: execmemProfiles['6.13-rc'],
  },
  {
    name: '6.13',
    about: 'Linux 6.13 as released: the cache is there and switched off (a9bbe3413331).',
    pageAttributes: { ...modernAttributes, collapses: false },
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.18'],
    execmem: execmemProfiles['6.13'],
  },
  {
    name: '6.14',
    about: 'Linux 6.14: the cache is switched off.',
    pageAttributes: { ...modernAttributes, collapses: false },
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.18'],
    execmem: execmemProfiles['6.13'],
  },
  {
    name: '6.15',
    about: 'Linux 6.15: the cache is back, read-only in the direct map; text is written in place for a while.',
    pageAttributes: modernAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.18'],
    execmem: execmemProfiles['6.15'],
  },
  {
    name: '6.16',
    about: 'Linux 6.16: as 6.15; the cache needs CONFIG_STRICT_MODULE_RWX.',
    pageAttributes: modernAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.18'],
    execmem: execmemProfiles['6.15'],
  },
  {
    name: '6.17',
    about: 'Linux 6.17: kprobes and ftrace use the cache too; frees that fail are tried again.',
    pageAttributes: modernAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.18'],
    execmem: execmemProfiles['6.17'],
  },
  {
    name: 'execmem-repaired',
    about: 'Linux with the repairs of the cache that were posted in 2026.',
    pageAttributes: modernAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.18'],
    execmem: execmemProfiles.repaired,
  },
  {
    name: 'execmem-proposal',
    about: 'Linux 6.1 with execmem_alloc() as proposed in November 2022 (v5), without its text tail.',
    pageAttributes: earlyAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['execmem-proposal'],
    execmem: execmemProfiles.proposal,
  },
  {
    name: 'execmem-proposal-tail',
    about: "The same with the end of the kernel's last text page serving requests.",
    pageAttributes: earlyAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['execmem-proposal'],
    execmem: execmemProfiles['proposal-tail'],
  },
];

/** Every kernel profile by name; the first is the default. */
export const profiles: ReadonlyMap<string, KernelProfile> = new Map(list.map((profile) => [profile.name, profile]));
