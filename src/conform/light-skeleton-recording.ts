/**
 * Performs recorded objects on the model: how libbpf appends subprograms, what it hands to the light-skeleton generator
 * for each program, and what a direct load of the same object gives. The objects are real ones, made by clang.
 *
 * File descriptors and ids of kernel symbols belong to the recording machine; they are read from the record, the same one
 * for the same map or symbol throughout a case.
 */
import * as v from 'valibot';
import { fromHex, toHex } from '../base/bytes.ts';
import { RELOCATION_KINDS } from '../model/bpf/btf/core-record.ts';
import { essentialName } from '../model/bpf/btf/essential-name.ts';
import { type Addresses, addressed } from '../model/bpf/core-relocation/address.ts';
import { relocateEarly } from '../model/bpf/core-relocation/early.ts';
import { ProgramImage } from '../model/bpf/core-relocation/image.ts';
import { generateLoader, type LightSkeleton } from '../model/bpf/core-relocation/light-skeleton/gen-loader.ts';
import { type LinkedProgram, withFunctionAddresses } from '../model/bpf/core-relocation/link.ts';
import type { BpfObject, Relocation } from '../model/bpf/core-relocation/object.ts';
import { openObject } from '../model/bpf/core-relocation/object-from-elf.ts';
import { isRefusal } from '../model/bpf/core-relocation/refusal.ts';
import { errorNumber } from './core-recording.ts';
import { RecordedTargets, targetLines } from './core-targets.ts';
import { hexDigits, inLine, readLine } from './recorded-object.ts';
import { type ConformReport, ConformTally, type Difference, differences, type RecordingKind } from './recording.ts';

const Programs = v.array(v.object({ name: v.string(), insns: v.string() }));
const LayoutCase = v.object({
  name: v.string(),
  elf: hexDigits(),
  appends: v.array(v.unknown()),
  appended: v.array(v.looseObject({ name: v.string(), relos: v.array(v.unknown()) })),
  prog_load: v.array(v.looseObject({ name: v.string() })),
  gen_err: v.number(),
  early: v.object({ err: v.number(), progs: Programs }),
});

type Layout = v.InferOutput<typeof LayoutCase>;

/** How `conform` knows such a file and performs it. */
export const lightSkeletonRecording: RecordingKind = {
  name: 'light-skeleton',
  about: 'Objects made by clang: how libbpf appends their subprograms, and what loaders and direct loads are given.',
  recognises: (first) => 'elf' in first && 'prog_load' in first,
  perform: (lines, files) => performLightSkeletonRecording(lines, { targets: targetLines(files) }),
};

/**
 * Performs every line (a parsed JSON object); `targets` are the objects of the targets file.
 * @public
 */
export function performLightSkeletonRecording(
  lines: Iterable<unknown>,
  companions: { readonly targets: Iterable<unknown> },
): ConformReport {
  const targets = new RecordedTargets(companions.targets);
  const tally = new ConformTally();
  let number = 0;
  for (const line of lines) {
    const layout = readLine(LayoutCase, line, ++number);
    tally.judgeFirst(inLine(number, () => compareLayout(layout, targets)));
  }
  return tally;
}

function compareLayout(layout: Layout, targets: RecordedTargets): Difference[] {
  const object = openObject(fromHex(layout.elf)!);
  if (isRefusal(object)) return [{ name: layout.name, field: 'open', expected: 'an object', actual: object.reason }];
  const skeleton = generateLoader(object);
  const generated = isRefusal(skeleton)
    ? differences(layout.name, 'generate', { gen_err: layout.gen_err }, { gen_err: errorNumber(skeleton) })
    : compareSkeleton(layout, object, skeleton);
  return [...generated, ...compareEarly(layout, object, targets)];
}

function compareSkeleton(layout: Layout, object: BpfObject, { linked, loads }: LightSkeleton): Difference[] {
  const appends = linked.flatMap(({ main, appends: own }) =>
    own.map(({ subprogram, at, length }) => [main.name, subprogram, at, length]),
  );
  const whole = differences(
    layout.name,
    'generate',
    { gen_err: layout.gen_err, appends: layout.appends, programs: layout.prog_load.map(({ name }) => name) },
    { gen_err: 0, appends, programs: loads.map(({ name }) => name) },
  );
  const appended = layout.appended.flatMap((expected, position) =>
    differences(layout.name, `appended ${expected.name}`, expected, appendedProgram(object, linked[position]!)),
  );
  const given = layout.prog_load.flatMap((expected, position) => {
    const load = loads[position]!;
    return differences(layout.name, `prog_load ${expected.name}`, expected, {
      name: load.name,
      prog_type: load.programType,
      prog_idx: load.programIndex,
      insn_cnt: load.instructions.length / 8,
      insns: toHex(load.instructions),
      func_info: load.functionInfo.map(({ index, typeId }) => [index, typeId]),
      core_relos: load.coreRelocations.map((record) => [
        record.instructionOffset,
        record.typeId,
        record.accessOffset,
        record.kind,
      ]),
    });
  });
  return whole.length > 0 ? whole : [...appended, ...given];
}

/** A main program after appending, in the words of the recording. */
function appendedProgram(object: BpfObject, { main, image, relocations }: LinkedProgram): Record<string, unknown> {
  const count = main.instructions.length / 8;
  return {
    idx: object.programs.findIndex(({ name }) => name === main.name),
    name: main.name,
    sec: main.section,
    sec_idx: main.sectionIndex,
    sec_insn_off: main.sectionStart,
    sec_insn_cnt: count,
    insns_cnt: image.length / 8,
    is_subprog: Number(main.isSubprogram),
    autoload: Number(main.autoload),
    mark_btf_static: Number(main.staticInBtf),
    sym_global: Number(main.isGlobal),
    insns: toHex(image),
    relos: relocations.map((relocation) => recordedRelocation(object, relocation)),
  };
}

const TYPE_NAMES: Readonly<Record<Relocation['kind'], string>> = {
  map: 'LD64',
  call: 'CALL',
  data: 'DATA',
  'extern-load': 'EXTERN_LD64',
  'extern-call': 'EXTERN_CALL',
  'function-address': 'SUBPROG_ADDR',
  core: 'CORE',
};

function recordedRelocation({ btf }: BpfObject, relocation: Relocation): Record<string, unknown> {
  const head = { type: TYPE_NAMES[relocation.kind], insn_idx: relocation.index };
  switch (relocation.kind) {
    case 'core': {
      const { instructionOffset, typeId, accessOffset, kind } = relocation.record;
      const core = { insn_off: instructionOffset, type_id: typeId, access_str_off: accessOffset };
      return { ...head, core: { ...core, acc: btf?.string(accessOffset), kind } };
    }
    case 'map':
    case 'data':
      return { ...head, map_idx: relocation.map, sym_off: relocation.symbolOffset };
    case 'call':
    case 'function-address':
      return { ...head, sym_off: relocation.symbolOffset };
    default:
      return { ...head, ext_idx: relocation.extern };
  }
}

/** The direct load; not judged where no companion file tells what the kernel has of a name the object asks for. */
function compareEarly({ name, early }: Layout, object: BpfObject, targets: RecordedTargets): Difference[] {
  if (!namesAsked(object).every((asked) => targets.has(asked))) return [];
  const relocated = relocateEarly(object, targets);
  if (isRefusal(relocated)) return differences(name, 'early', { err: early.err }, { err: errorNumber(relocated) });
  const addresses = recordedAddresses(early.progs, relocated);
  const mains = object.programs.filter(({ isSubprogram }) => !isSubprogram);
  const actual = mains.map((main) => {
    const linked = relocated.find((program) => program.main.name === main.name);
    const image = linked ? addressed(object, linked, addresses) : withFunctionAddresses(main).bytes;
    return { name: main.name, insns: toHex(image) };
  });
  const whole = differences(
    name,
    'early',
    { err: early.err, programs: early.progs.map((program) => program.name) },
    { err: 0, programs: actual.map((program) => program.name) },
  );
  if (whole.length > 0) return whole;
  return actual.flatMap(({ insns }, position) =>
    differences(name, `early ${early.progs[position]!.name}`, { insns: early.progs[position]!.insns }, { insns }),
  );
}

/** Essential names of the local types of all records that search candidates. */
function namesAsked({ btf, coreRelocations }: BpfObject): string[] {
  const records = coreRelocations.flatMap((section) => section.records);
  return records.flatMap(({ kind, typeId }) => {
    const name = RELOCATION_KINDS[kind] === 'local_type_id' ? '' : (btf?.type(typeId)?.name ?? '');
    return name === '' ? [] : [essentialName(name)];
  });
}

/** What only the recording machine knew: the first place that shows a map or symbol decides for all others. */
function recordedAddresses(programs: v.InferOutput<typeof Programs>, linked: readonly LinkedProgram[]): Addresses {
  const maps = new Map<number, number>();
  const externs = new Map<number, number | undefined>();
  for (const { main, relocations } of linked) {
    const recorded = programs.find(({ name }) => name === main.name);
    if (recorded === undefined) continue;
    const image = new ProgramImage(fromHex(recorded.insns)!);
    for (const relocation of relocations) {
      if (relocation.index >= image.length) continue;
      const { index } = relocation;
      if ((relocation.kind === 'map' || relocation.kind === 'data') && !maps.has(relocation.map))
        maps.set(relocation.map, image.immediate(index));
      if ((relocation.kind === 'extern-load' || relocation.kind === 'extern-call') && !externs.has(relocation.extern))
        externs.set(relocation.extern, image.source(index) === 0 ? undefined : image.immediate(index));
    }
  }
  return { mapFd: (map) => maps.get(map) ?? 0, kernelId: (extern) => externs.get(extern) };
}
