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
  },
  {
    name: '6.1',
    about: 'Linux 6.1.192: packs made read-only first and executable after; no collapse.',
    pageAttributes: earlyAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.1'],
  },
  {
    name: '6.12',
    about: 'Linux 6.12.117: set_memory_rox() in one pass; no collapse; a failed finalize frees the chunk.',
    pageAttributes: { ...modernAttributes, collapses: false },
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.12'],
  },
  {
    name: '6.18.15',
    about: 'Linux 6.18.15: an earlier stable release of 6.18.',
    pageAttributes: modernAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['6.18.15'],
  },
  {
    name: '7.3',
    about: 'Linux 7.3.4: a pack is one 2 MiB leaf, and so is its direct-map alias.',
    pageAttributes: modernAttributes,
    vmalloc: { hugeMappings: 'by-request', resetsDirectMapBy: 'leaf' },
    progPack: progPackProfiles['7.3'],
  },
  {
    name: 'prog-pack-first',
    about: 'The program-pack series as first posted in January 2022, on 5.17 with huge vmalloc for everybody.',
    pageAttributes: earlyAttributes,
    vmalloc: { hugeMappings: 'by-default', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['prog-pack-first'],
  },
  {
    name: 'per-program-text',
    about: 'Linux 5.17 and earlier: every program has pages of its own.',
    pageAttributes: earlyAttributes,
    vmalloc: { hugeMappings: 'never', resetsDirectMapBy: 'base-page' },
    progPack: progPackProfiles['per-program-text'],
  },
];

/** Every kernel profile by name; the first is the default. */
export const profiles: ReadonlyMap<string, KernelProfile> = new Map(list.map((profile) => [profile.name, profile]));
