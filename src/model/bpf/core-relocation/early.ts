/**
 * The early pipeline: libbpf resolves every record against the kernel's BTF, patches each program once, and then copies
 * patched subprograms behind the mains that call them (libbpf.c:bpf_object__relocate()).
 */
import { CandidatesPerLocalType, type TargetTypes } from './candidates.ts';
import { placedRecords, rememberRecords } from './core-pass.ts';
import { ProgramImage } from './image.ts';
import { type LinkedProgram, linkMains } from './link.ts';
import type { BpfObject, BpfProgram } from './object.ts';
import { patchInstruction } from './patch.ts';
import { LIBBPF_1_8, type RelocationPolicy } from './policy.ts';
import { failure, isRefusal, type Refusal } from './refusal.ts';
import { resolveRecord } from './resolve.ts';

/** Every main program that is loaded, linked and relocated; one failing record refuses the whole object (divergence V4). */
export function relocateEarly(
  object: BpfObject,
  target: TargetTypes,
  policy: RelocationPolicy = LIBBPF_1_8,
): LinkedProgram[] | Refusal {
  const finder = new CandidatesPerLocalType(target, policy);
  const images = new Map<BpfProgram, ProgramImage>();
  for (const placed of placedRecords(object)) {
    if (isRefusal(placed)) return placed;
    if (object.btf === undefined) return failure('CO-RE records need the object to have BTF');
    const image = images.get(placed.program) ?? ProgramImage.copyOf(placed.program.instructions);
    images.set(placed.program, image);
    const resolution = resolveRecord(object.btf, placed.record, finder, policy);
    if (isRefusal(resolution)) return resolution;
    const refused = patchInstruction(image, placed.index, resolution, policy);
    if (refused !== undefined) return refused;
  }
  const remembered = rememberRecords(object);
  if (isRefusal(remembered)) return remembered;
  const programs = remembered.programs.map((program, position) => ({
    ...program,
    instructions: images.get(object.programs[position]!)?.bytes ?? program.instructions,
  }));
  return linkMains({ ...remembered, programs });
}
