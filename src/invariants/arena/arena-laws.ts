import type { Invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { aPageHasOneSlot } from './a-page-has-one-slot.ts';
import {
  allocationsLieInTheArena,
  allocationsPopulateWhatTheyReturn,
  allocationsTakeTheBestFit,
} from './allocations-are-where-the-policy-says.ts';
import { allocationsSucceedWhereARunFits } from './allocations-succeed-where-a-run-fits.ts';
import { areasAreWhole, recordsNameLiveAreas } from './areas-are-whole.ts';
import {
  faultsTellWhatWasLacking,
  locksAreLetGo,
  zapsWalkAreasThatStand,
} from './calls-under-way-touch-what-stands.ts';
import { castsAgree, programsKnowTheirArena } from './casts-agree.ts';
import { creationIsRefusedInOrder } from './creation-is-refused-in-order.ts';
import { creatorsPayForPages } from './creators-pay-for-pages.ts';
import { destroyedArenasLeaveNothing } from './destroyed-arenas-leave-nothing.ts';
import { freeRunsAreMaximalAndDisjoint } from './free-runs-are-maximal-and-disjoint.ts';
import { freeSlotsHoldNoPage } from './free-slots-hold-no-page.ts';
import { freeSlotsLieInsideTheArena } from './free-slots-lie-inside-the-arena.ts';
import { freedPagesAreGone, freesStayInsideTheArena, queuedFreesWait } from './freed-pages-are-gone.ts';
import { newPagesAreZero } from './new-pages-are-zero.ts';
import { noCpuKeepsAFreedPage } from './no-cpu-keeps-a-freed-page.ts';
import { pagesLieInTheBand } from './pages-lie-in-the-band.ts';
import { populatedMatchesTables } from './populated-matches-tables.ts';
import {
  loadsTellThePage,
  storesReachTheirPageAlone,
  userReadsTellThePage,
} from './programs-and-users-see-the-same-bytes.ts';
import { referencesCountTheHolders } from './references-count-the-holders.ts';
import {
  flaggedArenasAreNeverFaultedIn,
  mappingsWithoutAddressAreRefused,
  refusedCallsChangeNothing,
  unknownNodesAreRefused,
} from './refused-calls-change-nothing.ts';
import { onlyReservationsReserve, reservationsOnlyTakeSlots } from './reservations-only-take-slots.ts';
import { theUserRangeIsFixedOnce, theUserRangeIsOneWindow } from './the-user-range-is-fixed-once.ts';
import { usersSeeTheKernelsPage } from './users-see-the-kernels-page.ts';
import {
  directValuesLieInTheArena,
  fdinfoCountsPages,
  kernelTouchesFindAPage,
} from './what-kernels-tell-of-an-arena.ts';

/** Laws of every kernel with arenas. */
export const arenaLaws: readonly Invariant<ArenaWorld>[] = [
  freeRunsAreMaximalAndDisjoint,
  freeSlotsHoldNoPage,
  freeSlotsLieInsideTheArena,
  aPageHasOneSlot,
  referencesCountTheHolders,
  usersSeeTheKernelsPage,
  pagesLieInTheBand,
  populatedMatchesTables,
  theUserRangeIsOneWindow,
  theUserRangeIsFixedOnce,
  recordsNameLiveAreas,
  areasAreWhole,
  creationIsRefusedInOrder,
  allocationsLieInTheArena,
  allocationsPopulateWhatTheyReturn,
  allocationsTakeTheBestFit,
  allocationsSucceedWhereARunFits,
  refusedCallsChangeNothing,
  flaggedArenasAreNeverFaultedIn,
  mappingsWithoutAddressAreRefused,
  locksAreLetGo,
  onlyReservationsReserve,
  newPagesAreZero,
  freedPagesAreGone,
  freesStayInsideTheArena,
  destroyedArenasLeaveNothing,
  loadsTellThePage,
  storesReachTheirPageAlone,
  userReadsTellThePage,
  castsAgree,
  programsKnowTheirArena,
  noCpuKeepsAFreedPage,
  fdinfoCountsPages,
  directValuesLieInTheArena,
];

/** Laws of kernels that charge pages, and of those with a scratch page. */
export const chargeLaws: readonly Invariant<ArenaWorld>[] = [creatorsPayForPages];
export const scratchLaws: readonly Invariant<ArenaWorld>[] = [kernelTouchesFindAPage];

/** Laws of kernels with bpf_arena_reserve_pages(), and of those with queued frees. */
export const reservationLaws: readonly Invariant<ArenaWorld>[] = [reservationsOnlyTakeSlots];
export const nodeLaws: readonly Invariant<ArenaWorld>[] = [unknownNodesAreRefused];
export const queuedFreeLaws: readonly Invariant<ArenaWorld>[] = [queuedFreesWait];
export const stageLaws: readonly Invariant<ArenaWorld>[] = [zapsWalkAreasThatStand, faultsTellWhatWasLacking];
