/**
 * Performs recorded CO-RE cases on the model: loads with records as a kernel judged them (`late`), and the same inputs as
 * libbpf relocated them (`early`, whose inputs stand in the late file). Compared are success, error and instructions;
 * of early cases also how the relocated program loads. Log texts are not compared.
 */
import * as v from 'valibot';
import { fromHex, toHex } from '../base/bytes.ts';
import type { Btf } from '../model/bpf/btf/blob.ts';
import { BtfBuilder } from '../model/bpf/btf/build.ts';
import { parseBtf } from '../model/bpf/btf/parse.ts';
import { loadBtf } from '../model/bpf/btf/validate.ts';
import { CandidateCache, type TargetTypes } from '../model/bpf/core-relocation/candidates.ts';
import { relocateEarly } from '../model/bpf/core-relocation/early.ts';
import { ProgramImage } from '../model/bpf/core-relocation/image.ts';
import { type LateLoad, loadLate } from '../model/bpf/core-relocation/late.ts';
import { KERNEL_6_18, type RelocationPolicy } from '../model/bpf/core-relocation/policy.ts';
import { type Errno, isRefusal, type Refusal } from '../model/bpf/core-relocation/refusal.ts';
import { type Loaded, loadProgram } from '../model/bpf/core-relocation/verifier/load.ts';
import { CoreCase, type CoreInput, recordBytes, recordCount } from './core-case.ts';
import { caseObject } from './core-case-object.ts';
import { RecordedTargets, targetLines } from './core-targets.ts';
import { inLine, readLine } from './recorded-object.ts';
import {
  type ConformContext,
  type ConformReport,
  ConformTally,
  type Difference,
  differences,
  type RecordedLine,
  type RecordingKind,
} from './recording.ts';

const LoadOutcome = v.object({ ok: v.boolean(), errno: v.optional(v.string()), xlated: v.optional(v.string()) });
const LateCase = v.object({
  ...CoreCase.entries,
  /** The companion with the types of the kernel that was recorded, where that is not the usual one. */
  targets_file: v.optional(v.pipe(v.string(), v.regex(/^[\w.-]+$/))),
  late: v.object({
    ...v.partial(LoadOutcome).entries,
    skipped: v.optional(v.string()),
    source: v.optional(v.string()),
    btf_load: v.optional(v.string()),
  }),
});
const EarlyCase = v.object({
  name: v.string(),
  early: v.object({
    na: v.optional(v.string()),
    ok: v.optional(v.boolean()),
    err: v.optional(v.number()),
    insns: v.optional(v.string()),
    load: v.optional(v.object({ ...LoadOutcome.entries, same_as_insns: v.optional(v.boolean()) })),
  }),
});

/**
 * What stands behind cases of source "derived": not the kernel but libbpf's copy of the shared relocation code, driven by
 * the kernel's rules. Its one known difference is that it gives variables a size, which btf_resolve_size() does not.
 */
const DERIVED_6_18: RelocationPolicy = { ...KERNEL_6_18, sizesOfVariables: true };

type EarlyOutcome = v.InferOutput<typeof EarlyCase>['early'];

/** Size of the value of the map that recorded programs load from and store to, in bytes. */
const MAP_VALUE_BYTES = 40_000;

/** How `conform` knows such a file and performs it. */
export const coreRecording: RecordingKind = {
  name: 'core-relocation',
  about: 'CO-RE relocation of single programs, by the kernel or by libbpf: success, error and instructions.',
  recognises: (first) => ('late' in first && 'relos' in first) || ('early' in first && 'vs_derived_late' in first),
  perform(lines: readonly RecordedLine[], files: ConformContext): ConformReport {
    const needsInputs = lines.some((line) => 'early' in line);
    const inputs = needsInputs ? files.companion('core-late-derived.jsonl.gz') : [];
    return performCoreRecording(lines, { targets: (named) => targetLines(files, named), inputs });
  },
};

interface CoreCompanions {
  /** Objects of a targets file: of the one that lines name, or of the one of recordings that name none. */
  readonly targets: (named: string | undefined) => Iterable<unknown>;
  /** Objects of the late file of the same recording, which holds the inputs of early cases. */
  readonly inputs?: Iterable<unknown>;
}

/**
 * Performs every line (a parsed JSON object) of a core-late or core-early recording.
 * @public
 */
export function performCoreRecording(lines: Iterable<unknown>, companions: CoreCompanions): ConformReport {
  const known = new Map<string | undefined, RecordedTargets>();
  const targetsOf = (named: string | undefined): RecordedTargets => {
    const targets = known.get(named) ?? new RecordedTargets(companions.targets(named));
    known.set(named, targets);
    return targets;
  };
  const inputs = new Map<string, CoreInput>();
  let number = 0;
  for (const line of companions.inputs ?? []) {
    const input = readLine(CoreCase, line, ++number);
    inputs.set(input.name, input);
  }
  const tally = new ConformTally();
  number = 0;
  for (const line of lines) {
    number += 1;
    if (typeof line === 'object' && line !== null && 'late' in line) {
      const late = readLine(LateCase, line, number);
      inLine(number, () => performLate(late, targetsOf(late.targets_file), tally));
    } else {
      const early = readLine(EarlyCase, line, number);
      inLine(number, () => performEarly(early, inputs, targetsOf(undefined), tally));
    }
  }
  return tally;
}

function performLate(
  { late, ...input }: v.InferOutput<typeof LateCase>,
  targets: TargetTypes,
  tally: ConformTally,
): void {
  const policy = late.source === 'derived' ? DERIVED_6_18 : KERNEL_6_18;
  if (late.skipped !== undefined) tally.skip(input.name, late.skipped);
  else if (late.btf_load !== undefined) tally.judgeFirst(compareBtfLoad(input, late.btf_load));
  else tally.judgeFirst(compareLoad(input.name, 'load', late, lateOutcome(input, targets, policy)));
}

/** A kernel that refused the types of a case never saw its program. */
function compareBtfLoad({ name, btf }: CoreInput, errno: string): Difference[] {
  const verdict = loadBtf(fromHex(btf)!);
  return differences(name, 'btf_load', { errno }, { errno: verdict.kind === 'refused' ? verdict.errno : 'none' });
}

/** What the model's 6.18 does with a case, its cache cold but for the queries that came before. */
export function lateOutcome(input: CoreInput, targets: TargetTypes, policy: RelocationPolicy): Loaded | Refusal {
  const finder = new CandidateCache(targets, policy);
  for (const { name, kind } of input.prior ?? []) finder.find(...localTypeNamed(name, kind));
  return loadLate(lateLoad(input), { policy, finder, relocates: 'after-functions-with-debug-info' } as const);
}

function localTypeNamed(name: string, kind: 'struct' | 'union' | 'enum' | 'enum64' | 'typedef'): [Btf, number] {
  const builder = new BtfBuilder();
  const id =
    kind === 'typedef'
      ? builder.add({ kind, name, type: 0 })
      : kind === 'struct' || kind === 'union'
        ? builder.add({ kind, name, sizeBytes: 0, hasBitfields: false, members: [] })
        : builder.add({ kind, name, sizeBytes: 4, signed: false, enumerators: [] });
  return [parseBtf(builder.bytes()), id];
}

function lateLoad(input: CoreInput): LateLoad {
  return {
    instructions: fromHex(input.insns)!,
    btf: parseBtf(fromHex(input.btf)!),
    functionInfo: input.func_info.map(([index]) => index),
    hasLineInfo: input.line_info !== undefined,
    mapValueBytes: MAP_VALUE_BYTES,
    records: { bytes: recordBytes(input), count: recordCount(input), recordSize: input.rec_size },
  };
}

function performEarly(
  { name, early }: v.InferOutput<typeof EarlyCase>,
  inputs: ReadonlyMap<string, CoreInput>,
  targets: TargetTypes,
  tally: ConformTally,
): void {
  const input = inputs.get(name);
  if (early.na !== undefined) tally.skip(name, early.na);
  else if (input === undefined) tally.skip(name, 'its input is not in the companion file');
  else tally.judgeFirst(compareEarly(input, early, targets));
}

function compareEarly(input: CoreInput, early: EarlyOutcome, targets: TargetTypes): Difference[] {
  const { name } = input;
  const relocated = relocateEarly(caseObject(input), targets);
  if (isRefusal(relocated))
    return differences(name, 'prepare', { ok: early.ok, err: early.err }, { ok: false, err: errorNumber(relocated) });
  const image = relocated.find(({ main }) => main.name === 'main')!.image;
  const found = differences(name, 'prepare', { ok: early.ok, insns: early.insns }, { ok: true, insns: toHex(image) });
  if (early.load !== undefined) {
    const context = { functionInfo: input.func_info.map(([index]) => index), mapValueBytes: MAP_VALUE_BYTES };
    const expected = early.load.same_as_insns === true ? { ...early.load, xlated: early.insns } : early.load;
    found.push(...compareLoad(name, 'load', expected, loadProgram(new ProgramImage(image), context)));
  }
  return found;
}

/** Success, then the error or the final image. */
function compareLoad(
  name: string,
  step: string,
  expected: {
    readonly ok?: boolean | undefined;
    readonly errno?: string | undefined;
    readonly xlated?: string | undefined;
  },
  actual: Loaded | Refusal,
): Difference[] {
  return actual.kind === 'loaded'
    ? differences(name, step, { ok: expected.ok, xlated: expected.xlated }, { ok: true, xlated: toHex(actual.image) })
    : differences(
        name,
        step,
        { ok: expected.ok, errno: expected.errno },
        { ok: false, errno: actual.kind === 'oops' ? 'oops' : actual.errno },
      );
}

const NUMBERS: Readonly<Record<Errno, number>> = {
  ENOENT: -2,
  E2BIG: -7,
  ENOMEM: -12,
  EACCES: -13,
  EFAULT: -14,
  EINVAL: -22,
  ERANGE: -34,
};

export const errorNumber = (refusal: Refusal): number | string =>
  refusal.kind === 'oops' ? 'oops' : NUMBERS[refusal.errno];
