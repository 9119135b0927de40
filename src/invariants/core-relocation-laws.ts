/** The laws about CO-RE relocation, in the order in which a program meets them. */
import type { Invariant } from '../language/invariant.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { earlyAndLateGiveOneProgram } from './early-and-late-give-one-program.ts';
import { loadedProgramsHoldNoPoison } from './loaded-programs-hold-no-poison.ts';
import { onlyBadRecordsRefuse } from './only-bad-records-refuse.ts';
import { onlyRelocatableInstructionsChange } from './only-relocatable-instructions-change.ts';
import { patchedInstructionsSayWhatTheKernelHas } from './patched-instructions-say-what-the-kernel-has.ts';
import { programsAreGivenTheirOwnRecords } from './programs-are-given-their-own-records.ts';
import { recordsAreKeptForThoseWhoApplyThem } from './records-are-kept-for-those-who-apply-them.ts';
import { recordsLieInTheirProgram } from './records-lie-in-their-program.ts';
import { recordsReachEveryCopyOnce } from './records-reach-every-copy-once.ts';
import { relocationSurvivesEveryRecord } from './relocation-survives-every-record.ts';
import { unanswerableRecordsRefuse } from './unanswerable-records-refuse.ts';
import { workingMemoryIsGivenBack } from './working-memory-is-given-back.ts';

export const coreRelocationLaws: readonly Invariant<CoreWorld>[] = [
  relocationSurvivesEveryRecord,
  workingMemoryIsGivenBack,
  recordsLieInTheirProgram,
  recordsReachEveryCopyOnce,
  programsAreGivenTheirOwnRecords,
  patchedInstructionsSayWhatTheKernelHas,
  onlyRelocatableInstructionsChange,
  onlyBadRecordsRefuse,
  unanswerableRecordsRefuse,
  loadedProgramsHoldNoPoison,
  earlyAndLateGiveOneProgram,
];

/** For the time before 2022, when a direct load kept no records. */
export const coreRecordLaws: readonly Invariant<CoreWorld>[] = [
  ...coreRelocationLaws,
  recordsAreKeptForThoseWhoApplyThem,
];
