import { aFreeReturnsWhatWasCharged } from '../../invariants/a-free-returns-what-was-charged.ts';
import { allocationsAreDisjoint } from '../../invariants/allocations-are-disjoint.ts';
import { chunksAreBusyExactlyWhileHeld } from '../../invariants/chunks-are-busy-exactly-while-held.ts';
import { endedProgramsLeaveNothing } from '../../invariants/ended-programs-leave-nothing.ts';
import { freeTextIsTrapFilled } from '../../invariants/free-text-is-trap-filled.ts';
import { headersHoldTheAllocatedSize } from '../../invariants/headers-hold-the-allocated-size.ts';
import { imagesStartAlike } from '../../invariants/images-start-alike-in-text-and-buffer.ts';
import { noExecutableMemoryIsLost } from '../../invariants/no-executable-memory-is-lost.ts';
import { noPackStandsIdle } from '../../invariants/no-pack-stands-idle.ts';
import { packsAreFinishedWhenListed } from '../../invariants/packs-are-finished-when-listed.ts';
import { refusalsChangeNothing } from '../../invariants/refusals-change-nothing.ts';
import { rightStepsRaiseNoAlarm } from '../../invariants/right-steps-raise-no-alarm.ts';
import { rwBuffersLiveUntilFinalize } from '../../invariants/rw-buffers-live-until-finalize.ts';
import { textHoldsOnlyWhatItsOwnerWrote } from '../../invariants/text-holds-only-what-its-owner-wrote.ts';
import { textIsAligned } from '../../invariants/text-is-aligned.ts';
import { textIsPlacedFirstFit } from '../../invariants/text-is-placed-first-fit.ts';
import { textLiesInOneBlock } from '../../invariants/text-lies-in-one-block-of-the-module-window.ts';
import { textMemoryOutlivesItsHolders } from '../../invariants/text-memory-outlives-its-holders.ts';
import { theChargeIsWhatExists } from '../../invariants/the-charge-is-what-exists.ts';
import { theLimitBindsTheIncapable } from '../../invariants/the-limit-binds-the-incapable.ts';

/** Laws of every allocator of program text. */
const ofAllText = [
  allocationsAreDisjoint,
  textIsAligned,
  textLiesInOneBlock,
  textMemoryOutlivesItsHolders,
  noExecutableMemoryIsLost,
  textHoldsOnlyWhatItsOwnerWrote,
  theChargeIsWhatExists,
] as const;

/** Laws of callers that may be refused and charged. */
const ofRequests = [theLimitBindsTheIncapable, aFreeReturnsWhatWasCharged, refusalsChangeNothing] as const;

/** Laws of packs. */
const ofPacks = [
  textIsPlacedFirstFit,
  chunksAreBusyExactlyWhileHeld,
  noPackStandsIdle,
  packsAreFinishedWhenListed,
] as const;

/** Laws of the protocol of two buffers. */
const ofPrograms = [
  headersHoldTheAllocatedSize,
  imagesStartAlike,
  rwBuffersLiveUntilFinalize,
  endedProgramsLeaveNothing,
] as const;

/*
 * The order decides which law a trace is said to break when it breaks several: what a step promised comes first, then the
 * structure, then content, and last the kernel's own complaints.
 */

/** Laws of programs with pages of their own. */
export const ownPagesLaws = [...ofRequests, ...ofAllText, rightStepsRaiseNoAlarm] as const;

/** Laws of packs as first proposed, which neither filled fresh packs nor refilled freed text. */
export const firstPackLaws = [...ofPrograms, ...ofRequests, ...ofPacks, ...ofAllText, rightStepsRaiseNoAlarm] as const;

/** Laws of packs. */
export const packLaws = [
  ...ofPrograms,
  ...ofRequests,
  ...ofPacks,
  freeTextIsTrapFilled,
  ...ofAllText,
  rightStepsRaiseNoAlarm,
] as const;

/** Laws of the dispatcher's text, which is charged to nobody. */
export const dispatcherTextLaws = [...ofPacks, freeTextIsTrapFilled, ...ofAllText, rightStepsRaiseNoAlarm] as const;
