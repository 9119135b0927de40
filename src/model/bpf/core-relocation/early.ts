/**
 * The early pipeline: libbpf resolves every record against the kernel's BTF, patches each program once, and then copies
 * patched subprograms behind the mains that call them (libbpf.c:bpf_object__relocate()).
 */
import { applyRecord } from './apply-record.ts';
import { CandidatesPerLocalType, type TargetTypes } from './candidates.ts';
import { CORE_PASS, placedRecords, rememberRecords } from './core-pass.ts';
import { ProgramImage } from './image.ts';
import { type LinkedProgram, linkMains } from './link.ts';
import type { BpfObject, BpfProgram } from './object.ts';
import { LIBBPF_1_8, type RelocationPolicy } from './policy.ts';
import { failure, isRefusal, type Refusal } from './refusal.ts';

/** Every main program that is loaded, linked and relocated; one failing record refuses the whole object (divergence V4). */
export function relocateEarly(
  object: BpfObject,
  target: TargetTypes,
  policy: RelocationPolicy = LIBBPF_1_8,
): LinkedProgram[] | Refusal {
  const remembered = rememberRecords(object);
  if (isRefusal(remembered)) return remembered;
  const images = relocatePristine(object, target, { policy });
  if (isRefusal(images)) return images;
  return linkMains(withImages(remembered, object, images));
}

/** What the early pass can be told to do otherwise than libbpf v1.8. */
interface EarlyDecisions {
  readonly policy: RelocationPolicy;
  readonly pass?: typeof CORE_PASS;
  readonly apply?: typeof applyRecord;
}

/** The pass over an object's records: the patched code of each program that has any. */
export function relocatePristine(
  object: BpfObject,
  target: TargetTypes,
  { policy, pass = CORE_PASS, apply = applyRecord }: EarlyDecisions,
): Map<BpfProgram, ProgramImage> | Refusal {
  const finder = new CandidatesPerLocalType(target, policy);
  const images = new Map<BpfProgram, ProgramImage>();
  for (const placed of placedRecords(object, pass)) {
    if (isRefusal(placed)) return placed;
    if (object.btf === undefined) return failure('CO-RE records need the object to have BTF');
    const { program, index, record } = placed;
    const image = images.get(program) ?? ProgramImage.copyOf(program.instructions);
    images.set(program, image);
    const refused = apply({ image, index, record, btf: object.btf, finder, policy });
    if (refused !== undefined) return refused;
  }
  return images;
}

/** An object, whose programs are those of `pristine` in the same order, with patched code in place of the compiler's. */
export function withImages(
  object: BpfObject,
  pristine: BpfObject,
  images: ReadonlyMap<BpfProgram, ProgramImage>,
): BpfObject {
  const programs = object.programs.map((program, position) => ({
    ...program,
    instructions: images.get(pristine.programs[position]!)?.bytes ?? program.instructions,
  }));
  return { ...object, programs };
}
