import type { Invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { addressesAreFlushedBeforeReuse } from './addresses-are-flushed-before-reuse.ts';
import { collapsedLeavesSayWhatTheirEntriesSaid } from './collapsed-leaves-say-what-their-entries-said.ts';
import { cpusAndTablesTogetherKeepWXorX } from './cpus-and-tables-together-keep-w-xor-x.ts';
import { directMapIsNeverExecutable } from './direct-map-is-never-executable.ts';
import { executableFramesAreWritableNowhere } from './executable-frames-are-writable-nowhere.ts';
import { freedFramesAreOrdinaryMemory } from './freed-frames-are-ordinary-memory.ts';
import { kernelRodataStaysReadOnly } from './kernel-rodata-stays-read-only.ts';
import { largeEntriesNeedLargePages } from './large-entries-need-large-pages.ts';
import { levelCountersCountLeaves } from './level-counters-count-leaves.ts';
import { liveAreasMapTheirOwnFrames } from './live-areas-map-their-own-frames.ts';
import { locksKeepTheirOrder } from './locks-keep-their-order.ts';
import { noCpuHoldsThePokeAlias } from './no-cpu-holds-the-poke-alias.ts';
import { noCpuKeepsRightsThatWereTaken } from './no-cpu-keeps-rights-that-were-taken.ts';
import { noCpuRunsATornInstruction } from './no-cpu-runs-a-torn-instruction.ts';
import { noCpuWalksAFreedTable } from './no-cpu-walks-a-freed-table.ts';
import { noEntryIsWritableAndExecutable } from './no-entry-is-writable-and-executable.ts';
import { nothingOfAFlushedAreaIsHeld } from './nothing-of-a-flushed-area-is-held.ts';
import { nothingOfBootStaysWritableAndExecutable } from './nothing-of-boot-stays-writable-and-executable.ts';
import { onlyAskedPagesChangeRights } from './only-asked-pages-change-rights.ts';
import { patchSitesHoldOldNewOrATrap } from './patch-sites-hold-old-new-or-a-trap.ts';
import { permissionsAreResetBeforeFramesAreFreed } from './permissions-are-reset-before-frames-are-freed.ts';
import { pokesConcernOneCpu } from './pokes-concern-one-cpu.ts';
import { refusedOperationsMapNothing } from './refused-operations-map-nothing.ts';
import { splitsAreFlushedBeforeAttributesChange } from './splits-are-flushed-before-attributes-change.ts';
import { tablesAreFreedAfterTheFlush } from './tables-are-freed-after-the-flush.ts';
import { textChangesThroughPokesAlone } from './text-changes-through-pokes-alone.ts';
import { thePokeAliasDiesWithThePoke } from './the-poke-alias-dies-with-the-poke.ts';
import { thePokeAliasIsNeverExecutable } from './the-poke-alias-is-never-executable.ts';
import { vmAreasAreDisjoint } from './vm-areas-are-disjoint.ts';

/** Laws of permissions and translation caches that every suite with mappings should carry. */
export const permissionLaws: readonly Invariant<World>[] = [
  noEntryIsWritableAndExecutable,
  executableFramesAreWritableNowhere,
  directMapIsNeverExecutable,
  kernelRodataStaysReadOnly,
  cpusAndTablesTogetherKeepWXorX,
  noCpuKeepsRightsThatWereTaken,
  addressesAreFlushedBeforeReuse,
  levelCountersCountLeaves,
  largeEntriesNeedLargePages,
  noCpuWalksAFreedTable,
  locksKeepTheirOrder,
];

/** Laws of changing part of a large entry, splitting and merging it. */
export const largePageLaws: readonly Invariant<World>[] = [
  splitsAreFlushedBeforeAttributesChange,
  collapsedLeavesSayWhatTheirEntriesSaid,
  tablesAreFreedAfterTheFlush,
  onlyAskedPagesChangeRights,
];

/** Laws of page tables that leave the tree without being split or merged, and of a vfree() in stages. */
export const stagedFreeLaws: readonly Invariant<World>[] = [tablesAreFreedAfterTheFlush, nothingOfAFlushedAreaIsHeld];

/** Laws of vmalloc areas and of what vfree() leaves. */
export const areaLaws: readonly Invariant<World>[] = [
  vmAreasAreDisjoint,
  liveAreasMapTheirOwnFrames,
  freedFramesAreOrdinaryMemory,
  permissionsAreResetBeforeFramesAreFreed,
  refusedOperationsMapNothing,
];

/** Laws of writing to text. */
export const pokeLaws: readonly Invariant<World>[] = [
  thePokeAliasDiesWithThePoke,
  thePokeAliasIsNeverExecutable,
  noCpuHoldsThePokeAlias,
  pokesConcernOneCpu,
  textChangesThroughPokesAlone,
];

/** Laws of replacing instructions that others may run. */
export const patchLaws: readonly Invariant<World>[] = [patchSitesHoldOldNewOrATrap, noCpuRunsATornInstruction];

/** Laws of the end of boot. */
export const bootLaws: readonly Invariant<World>[] = [
  nothingOfBootStaysWritableAndExecutable,
  splitsAreFlushedBeforeAttributesChange,
  freedFramesAreOrdinaryMemory,
];
