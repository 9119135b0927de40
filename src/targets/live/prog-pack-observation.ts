import type { PageCounts } from './text-pages.ts';

/**
 * What is observed of program packs after a load or a close, field by field as recordings hold it: a sequence that was just
 * observed can be performed on the model and compared like a recorded one.
 */
export interface PackStepObservation {
  readonly op: 'load' | 'close';
  readonly args: { readonly len: number } | { readonly ids: readonly number[] };
  /** The number of the new program, or the name of an errno. */
  readonly result: string | { readonly id: number };
  /** Every program that is loaded, in the order of loading. */
  readonly live: readonly ObservedProgram[];
  readonly packs: readonly PackObservation[];
  /** Dedicated areas of programs larger than a pack; none is ever loaded here. */
  readonly areas: readonly never[];
  /** The pack that this load opened, and what the kernel's counters of direct-map leaves changed by. */
  readonly newPack?: number;
  readonly directMapDeltaKB?: DirectMapDelta;
  readonly freed?: readonly FreedPart[];
  /** Packs that went away, and how many of their pages are still mapped. */
  readonly released?: readonly { readonly pack: number; readonly vaPresent: number }[];
}

export interface ObservedProgram {
  readonly id: number;
  /** Bytes of machine code. */
  readonly jited: number;
  /** Entries of its exception table. */
  readonly extable: number;
  readonly parts: readonly {
    readonly pack: number;
    /** Where its allocation begins, in chunks of 64 bytes from the start of the pack. */
    readonly chunk: number;
    /** The first word of the allocation. */
    readonly size: number;
    readonly imageOffset: number;
    readonly jited: number;
  }[];
}

export interface PackObservation {
  readonly pack: number;
  /** Runs of chunks that our programs hold, first and last inclusive. */
  readonly used: readonly (readonly [number, number])[];
  readonly freeChunksAllTrap: boolean;
  /** Whether the page behind the pack is absent. */
  readonly guardAfter: boolean;
  readonly va: PageCounts;
  readonly alias: PageCounts;
}

export interface FreedPart {
  readonly pack: number;
  readonly chunk: number;
  readonly size: number;
  /** All bytes are traps, its pack went away, or neither although enough time has passed. */
  readonly state: 'trap' | 'released' | 'other';
}

/** Kilobytes by leaf size, as /proc/meminfo counts them. */
export type DirectMapDelta = Readonly<Record<'4k' | '2M' | '1G', number>>;
