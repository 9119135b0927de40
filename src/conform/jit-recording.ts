/**
 * Performs recorded compilations on the model: takes what the kernel's JIT was given, compiles it for the recorded machine
 * at the recorded addresses, and compares every byte of code and of exception tables; nothing is masked. Then the program is
 * run, as BPF in the interpreter and as that machine code on the modelled CPU, and both are held to what the kernel's own
 * run returned and wrote. Where the recording does not say enough to run a program, its bytes alone decide.
 */
import { InputError } from '../language/input-error.ts';
import { SLOT_BYTES } from '../model/bpf/instruction.ts';
import type { JitMachine } from '../model/bpf/jit/machine.ts';
import { CLASSIC_TYPE, codeDifference, compileRecorded } from './jit-code.ts';
import { recordedCompanion } from './jit-companion.ts';
import { isJitRecord, type JitMeta, type JitRecord, readJitRecord } from './jit-record.ts';
import { packetLayout } from './jit-recorded-filter.ts';
import { recordedMachine } from './jit-recorded-machine.ts';
import { JitRuns } from './jit-run.ts';
import { ConformTally, type Difference, type RecordedLine, type RecordingKind } from './recording.ts';

export const jitRecording: RecordingKind = {
  name: 'jit',
  about: 'What the x86-64 JIT of a running kernel made of BPF programs, and what they did when run.',
  recognises: isJitRecord,
  perform: (lines, context) => performJitRecording(lines, recordedCompanion(readJitRecord(lines[0]!, 1), context)),
};

/** Changes the recorded machine, to ask whether the recording would notice. */
type Alter = (machine: JitMachine) => JitMachine;

/** Judges the lines of one recording. Throws an InputError for a line that can't be read. */
export function performJitRecording(
  lines: readonly RecordedLine[],
  meta: JitMeta,
  alter: Alter = (machine) => machine,
): ConformTally {
  const tally = new ConformTally();
  const runs = new JitRuns(packetLayout(meta));
  lines.forEach((line, index) => {
    const record = readJitRecord(line, index + 1);
    const reason = whyNotJudged(record);
    if (reason !== undefined) tally.skip(record.name, reason);
    else tally.judge(judge(record, meta, alter(machineOf(record, meta, index + 1)), runs), record.cls);
  });
  return tally;
}

function judge(record: JitRecord, meta: JitMeta, machine: JitMachine, runs: JitRuns): Difference | undefined {
  const compiled = compileRecorded(record, meta, machine);
  const difference = codeDifference(record, compiled);
  if (difference !== undefined || compiled.kind === 'refused') return difference;
  const verdict = runs.judge(record, machine, compiled.functions[record.funcs.length]?.code);
  if (verdict.kind !== 'different') return undefined;
  const { by, expected, actual } = verdict;
  return { name: record.name, field: `${verdict.field} (${by})`, expected, actual };
}

/** The line says itself that what the JIT was given is not known and cannot be reconstructed. */
function whyNotJudged({ prog_type, note, insns, xlated, jit_in }: JitRecord): string | undefined {
  if (prog_type === CLASSIC_TYPE) return undefined;
  if (jit_in === undefined && xlated === null) return 'the line has neither jit_in nor xlated';
  if (insns.length % SLOT_BYTES !== 0) return 'insns are no whole instructions';
  return note?.includes('not recoverable') && !note.includes('blinded separately') ? note : undefined;
}

function machineOf(record: JitRecord, meta: JitMeta, line: number): JitMachine {
  try {
    return recordedMachine(record, meta);
  } catch (error) {
    throw error instanceof InputError ? new InputError(error.message, { line }) : error;
  }
}
