import type { Invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { busyTextIsWhatIsHeld } from './busy-text-is-what-is-held.ts';
import { cleaningTouchesNothingInUse } from './cleaning-touches-nothing-in-use.ts';
import { fillsStayInsideOneChunk } from './fills-stay-inside-one-chunk.ts';
import { freeSharedTextIsFiller } from './free-shared-text-is-filler.ts';
import { freeTextAreasNeverTouch } from './free-text-areas-never-touch.ts';
import { locksAreReleasedByTheirHolders } from './locks-are-released-by-their-holders.ts';
import { pendingFreesAreCountedAndRetried } from './pending-frees-are-counted-and-retried.ts';
import { refusedRequestsTakeNothing } from './refused-requests-take-nothing.ts';
import { requestsFailOnlyForWantOfMemory } from './requests-fail-only-for-want-of-memory.ts';
import { rightStepsRaiseNoAlarm } from './right-steps-raise-no-alarm.ts';
import { sharedTextHoldsOnlyWhatItsOwnerWrote } from './shared-text-holds-only-what-its-owner-wrote.ts';
import { sharedTextIsAllAccountedFor } from './shared-text-is-all-accounted-for.ts';
import { sharedTextIsBackedByLiveAreas } from './shared-text-is-backed-by-live-areas.ts';
import { sharedTextIsOfOneClass } from './shared-text-is-of-one-class.ts';
import { sharedTextIsPlacedLowestFirst } from './shared-text-is-placed-lowest-first.ts';
import { sharedTextIsRoxAtRest } from './shared-text-is-rox-at-rest.ts';

/*
 * The order decides which law a trace is said to break when it breaks several: what a step promised first, then the structure,
 * then what the memory holds and how it is mapped.
 */

/** Laws of every allocator that shares text among users. */
export const sharedTextLaws: readonly Invariant<World>[] = [
  requestsFailOnlyForWantOfMemory,
  refusedRequestsTakeNothing,
  sharedTextIsPlacedLowestFirst,
  sharedTextIsBackedByLiveAreas,
  busyTextIsWhatIsHeld,
  sharedTextIsAllAccountedFor,
  freeTextAreasNeverTouch,
  sharedTextHoldsOnlyWhatItsOwnerWrote,
  freeSharedTextIsFiller,
  sharedTextIsRoxAtRest,
  sharedTextIsOfOneClass,
  locksAreReleasedByTheirHolders,
  rightStepsRaiseNoAlarm,
];

/** Laws of the proposal of November 2022. */
export const execmemProposalLaws: readonly Invariant<World>[] = [fillsStayInsideOneChunk, ...sharedTextLaws];

/** Laws of the cache of large pages, with its deferred work. */
export const roxCacheLaws: readonly Invariant<World>[] = [
  cleaningTouchesNothingInUse,
  pendingFreesAreCountedAndRetried,
  ...sharedTextLaws,
];
