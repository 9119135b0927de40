import { areaLaws, permissionLaws, pokeLaws } from '../memory-laws.ts';
import { patchSitesHoldOldNewOrATrap } from '../patch-sites-hold-old-new-or-a-trap.ts';

import { blindedConstantsStayOutOfText } from './blinded-constants-stay-out-of-text.ts';
import { exceptionEntriesLieInTheirProgram } from './exception-entries-lie-in-their-program.ts';
import { freedCodeNeverRuns } from './freed-code-never-runs.ts';
import { indirectCallsFindTheirHash } from './indirect-calls-find-their-hash.ts';
import { interpreterAndCpuAgree } from './interpreter-and-cpu-agree.ts';
import { jitedLengthHeaderAndChunksAgree } from './jited-length-header-and-chunks-agree.ts';
import { noInstructionIsFetchedFromWritableMemory } from './no-instruction-is-fetched-from-writable-memory.ts';
import { programsRaiseNoAlarm } from './programs-raise-no-alarm.ts';
import { verifiedProgramsAreCompiled } from './verified-programs-are-compiled.ts';

/** Laws of programs from their load to their end, on top of those of the memory that they live in. */
export const wholeLaws = [
  interpreterAndCpuAgree,
  freedCodeNeverRuns,
  noInstructionIsFetchedFromWritableMemory,
  verifiedProgramsAreCompiled,
  exceptionEntriesLieInTheirProgram,
  jitedLengthHeaderAndChunksAgree,
  indirectCallsFindTheirHash,
  blindedConstantsStayOutOfText,
  patchSitesHoldOldNewOrATrap,
  ...permissionLaws,
  ...areaLaws,
  ...pokeLaws,
  programsRaiseNoAlarm,
] as const;
