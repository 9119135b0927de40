/** Faults in how libbpf finds, remembers, moves and passes on CO-RE records. Commits are those of the libbpf mirror. */
import { type Fault, fault } from '../language/fault.ts';
import { programAt } from '../model/bpf/core-relocation/object.ts';
import { SECTION } from '../model/bpf/core-relocation/program-source/translation-unit.ts';
import { failure, isRefusal } from '../model/bpf/core-relocation/refusal.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';

const HERE = { kernel: '6.18', suite: 'core-relocation' } as const;
const THEN = { kernel: 'core-record-proposed', suite: 'core-record' } as const;

const subprogramRecordsFindNoProgram = fault<CoreWorld>({
  ...HERE,
  name: 'subprogram-records-find-no-program',
  story: 'Only sections of programs are searched for the one a record belongs to, so a record in .text fails the load.',
  breaks: 'only-bad-records-refuse',
  source: 'F1: libbpf: Fix CO-RE relocs against .text section (af3c9f9f, 2020)',
  plant({ libbpf }) {
    const { pass } = libbpf;
    libbpf.pass = {
      ...pass,
      findProgram: (object, section, index) =>
        section === SECTION.text ? failure('no program has this record') : pass.findProgram(object, section, index),
    };
  },
});

const lastProgramTaken = fault<CoreWorld>({
  ...HERE,
  name: 'last-program-taken',
  story: 'The search for a record’s program ends on the last one when none fits, and that one is patched.',
  breaks: 'patched-instructions-say-what-the-kernel-has',
  alsoBreaks: [
    'only-bad-records-refuse',
    'records-lie-in-their-program',
    'records-reach-every-copy-once',
    'unanswerable-records-refuse',
  ],
  source: 'F2: libbpf: Fix logic for finding matching program for CO-RE relocation (eb22de1f)',
  plant({ libbpf }) {
    const { pass } = libbpf;
    libbpf.pass = {
      ...pass,
      findProgram(object, section, index) {
        const last = object.programs.at(-1);
        const found = pass.findProgram(object, section, index);
        // Only where the record's place lies inside that program does patching it go through at all.
        const slots = (last?.instructions.length ?? 0) / 8;
        const inside = last !== undefined && index >= last.sectionStart && index < last.sectionStart + slots;
        return found ?? (inside ? last : undefined);
      },
    };
  },
});

const renamedSectionsLoseRecords = fault<CoreWorld>({
  ...HERE,
  name: 'renamed-sections-lose-records',
  story: 'Records are joined to programs by the section’s name, which SEC("?socket") no longer has once it is opened.',
  breaks: 'patched-instructions-say-what-the-kernel-has',
  alsoBreaks: ['records-reach-every-copy-once', 'unanswerable-records-refuse'],
  source: 'F3: libbpf: Avoid joining .BTF.ext data with BPF programs by section name (f2e994e0)',
  plant({ libbpf }) {
    const { pass } = libbpf;
    libbpf.pass = {
      ...pass,
      findProgram: (object, section, index) =>
        section === SECTION.optional ? undefined : pass.findProgram(object, section, index),
    };
  },
});

const eliminatedCopyRefuses = fault<CoreWorld>({
  ...HERE,
  name: 'eliminated-copy-refuses',
  story: 'The records of a weak copy that static linking eliminated belong to no program any more, and fail the load.',
  breaks: 'only-bad-records-refuse',
  source: 'F4: libbpf: Don’t error out on CO-RE relos for overriden weak subprogs (5016f30a)',
  plant({ libbpf }) {
    const { pass } = libbpf;
    libbpf.pass = {
      ...pass,
      findProgram: (object, section, index) =>
        programAt(object, section, index) ?? failure('no program has this record'),
    };
  },
});

const noProgramsNoCare = fault<CoreWorld>({
  ...HERE,
  name: 'no-programs-no-care',
  story: 'The search for a record’s program starts before the first one when there is none at all.',
  breaks: 'relocation-survives-every-record',
  source: 'F5: libbpf: Fix null-pointer dereference in find_prog_by_sec_insn() (3a3ef0c1)',
  plant({ libbpf }) {
    const { pass } = libbpf;
    libbpf.pass = {
      ...pass,
      findProgram: (object, section, index) =>
        object.programs.length === 0
          ? { kind: 'oops', reason: 'programs[-1] is read' }
          : pass.findProgram(object, section, index),
    };
  },
});

const nothingToAppend = fault<CoreWorld>({
  ...HERE,
  name: 'nothing-to-append-is-no-memory',
  story:
    'realloc() of an empty list may give NULL, which is taken for want of memory: neither function has a relocation.',
  breaks: 'only-bad-records-refuse',
  source: 'F6: libbpf: Fix realloc API handling in zero-sized edge cases (f1170803)',
  plant({ libbpf }) {
    const { relocateCalls } = libbpf;
    libbpf.relocateCalls = (object) => {
      const linked = relocateCalls.call(libbpf, object);
      if (isRefusal(linked)) return linked;
      const isEmptied = linked.some(({ appends, relocations }) => appends.length > 0 && relocations.length === 0);
      return isEmptied ? failure('realloc() gave NULL', 'ENOMEM') : linked;
    };
  },
});

const shortHeaderRefused = fault<CoreWorld>({
  ...HERE,
  name: 'short-header-refused',
  story: 'A .BTF.ext whose header ends before the CO-RE part, as compilers before CO-RE write it, is refused.',
  breaks: 'only-bad-records-refuse',
  source: 'F19: libbpf: Don’t return -EINVAL if hdr_len < offsetofend(core_relo_len) (0167a314)',
  plant({ libbpf }) {
    const { openExtension } = libbpf;
    libbpf.openExtension = (header) =>
      header.length < 32 ? failure('the header of .BTF.ext is too short') : openExtension.call(libbpf, header);
  },
});

const generatorCountsSubprograms = fault<CoreWorld>({
  ...HERE,
  name: 'generator-counts-subprograms',
  story:
    'The generator expects as many loads as the object has functions, so one static function fails every light skeleton.',
  breaks: 'only-bad-records-refuse',
  source: 'F7: libbpf: Fix gen_loader assumption on number of programs (16bb7885)',
  plant({ libbpf }) {
    libbpf.finishGenerating = ({ programs }, linked) =>
      programs.filter(({ autoload }) => autoload).length === linked.length
        ? undefined
        : failure('programs are missing', 'EFAULT');
  },
});

const recordsLeftForTheNext = fault<CoreWorld>({
  ...HERE,
  name: 'records-left-for-the-next-program',
  story: 'The generator’s list of records is not emptied after a load, so the next program is given those too.',
  breaks: 'programs-are-given-their-own-records',
  source: 'F8, of the records: libbpf: Clean gen_loader’s attach kind (01b2b45e) was the same with the attach type',
  plant({ libbpf }) {
    libbpf.beginRecords = (before) => before;
  },
});

const unloadedProgramsAreRelocated = fault<CoreWorld>({
  ...HERE,
  name: 'unloaded-programs-are-relocated',
  story: 'The records of programs that are not to be loaded are resolved as well, and one of them fails the object.',
  breaks: 'only-bad-records-refuse',
  alsoBreaks: ['relocation-survives-every-record'],
  source: 'F20: libbpf: Skip CO-RE relocations for not loaded BPF programs (44d5bc17)',
  plant({ libbpf }) {
    libbpf.pass = { ...libbpf.pass, isRelocated: () => true };
  },
});

const shiftForgotten = fault<CoreWorld>({
  ...HERE,
  name: 'record-shift-forgotten',
  story: 'The records of an appended function keep the places they had in it.',
  breaks: 'records-reach-every-copy-once',
  alsoBreaks: ['records-lie-in-their-program'],
  source:
    'plausible: append_subprog_relos() without its addition; the kernel sees it only where a value does not match',
  plant({ libbpf }) {
    libbpf.move = (relocation) => relocation;
  },
});

const shiftedTwice = fault<CoreWorld>({
  ...THEN,
  kernel: 'core-record-first-posted',
  name: 'record-shifted-twice',
  story: 'sub_insn_off is added when a record is noted down and again when the code is appended.',
  breaks: 'records-lie-in-their-program',
  alsoBreaks: ['records-reach-every-copy-once'],
  source:
    'the line left over in [PATCH v2 bpf-next 07/12] of 11 November 2021: harmless there only because sub_insn_off is still 0 at that point',
  plant({ libbpf }) {
    libbpf.move = (relocation, at) => ({ ...relocation, index: relocation.index + 2 * at });
  },
});

const firstProgramGetsAll = fault<CoreWorld>({
  ...THEN,
  name: 'first-program-gets-all-records',
  story:
    'The records of all programs are put into one list before the first load, which passes them all and empties it.',
  breaks: 'programs-are-given-their-own-records',
  source: '[PATCH RFC bpf-next 05/10] of 17 September 2021, as its code reads: it was never seen to run',
  plant({ libbpf }) {
    const { recordsFor } = libbpf;
    libbpf.recordsFor = (linked) => {
      const all = recordsFor.call(libbpf, linked).flat();
      return linked.map((_, position) => (position === 0 ? all : []));
    };
  },
});

const recordsKeptForNobody = fault<CoreWorld>({
  ...THEN,
  name: 'records-kept-for-nobody',
  story: 'Records are noted down for direct loads as well, which have applied them already.',
  breaks: 'records-are-kept-for-those-who-apply-them',
  source: 'the review of [PATCH v2 bpf-next 07/12], November 2021: only if there is a gen_loader',
  plant({ libbpf }) {
    libbpf.keepsRecords = () => true;
  },
});

export const coreRecordFaults: readonly Fault<CoreWorld>[] = [shiftedTwice, firstProgramGetsAll, recordsKeptForNobody];

export const corePassFaults: readonly Fault<CoreWorld>[] = [
  subprogramRecordsFindNoProgram,
  lastProgramTaken,
  renamedSectionsLoseRecords,
  eliminatedCopyRefuses,
  noProgramsNoCare,
  nothingToAppend,
  shortHeaderRefused,
  generatorCountsSubprograms,
  recordsLeftForTheNext,
  unloadedProgramsAreRelocated,
  shiftForgotten,
];
