import { integer, made } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { Trampoline } from '../model/kernel/trampoline.ts';
import type { World } from '../model/world.ts';
import { capableArgument, cpuArgument, cpuExists, failingEarlyArgument } from './circumstance.ts';
import { codeArgument } from './program.ts';

const bpfTrampImageAlloc = operation({
  name: 'bpf_tramp_image_alloc',
  does: 'Takes unrounded, headerless text for a trampoline and charges it (kernel/bpf/trampoline.c).',
  makes: 'trampoline',
  takes: {
    size: integer({
      min: 1,
      max: 4096,
      simplest: 64,
      boundaries: [64, 65, 128],
      typical: ({ random }) => random.between(40, 900),
    }),
    capable: capableArgument,
    cpu: cpuArgument,
    failing: failingEarlyArgument,
  },
  ready: (world: World, { cpu }) => cpuExists(world, cpu) && world.text.profile.trampolinesInPacks,
  apply({ text: { trampolines }, failing: plan }: World, { size, capable, cpu, failing }) {
    const answer = plan.during(failing, () => trampolines.allocate(size, { capable, cpu }));
    return typeof answer === 'string' ? refuse(answer) : answer;
  },
  shows: ({ text: { packs } }: World, _, made) => packs.placeOf((made as Trampoline).image),
});

const bpfStructOpsImageAlloc = operation({
  name: 'bpf_struct_ops_image_alloc',
  does: 'Takes a page of text for the trampolines of a struct_ops map (kernel/bpf/bpf_struct_ops.c).',
  makes: 'trampoline',
  weight: 0.5,
  takes: { capable: capableArgument, cpu: cpuArgument, failing: failingEarlyArgument },
  ready: (world: World, { cpu }) => cpuExists(world, cpu) && world.text.profile.trampolinesInPacks,
  apply({ text: { trampolines }, failing: plan }: World, { capable, cpu, failing }) {
    const answer = plan.during(failing, () => trampolines.allocateStructOpsPage({ capable, cpu }));
    return typeof answer === 'string' ? refuse(answer) : answer;
  },
});

const archPrepareBpfTrampoline = operation({
  name: 'arch_prepare_bpf_trampoline',
  does: 'Generates a trampoline and pokes it into its text; too much code is -EFAULT (bpf_jit_comp.c).',
  takes: {
    trampoline: made<Trampoline>('trampoline'),
    length: integer({ min: 0, max: 4096, simplest: 1, typical: ({ random }) => random.between(1, 900) }),
    code: codeArgument,
    cpu: cpuArgument,
    failing: failingEarlyArgument,
  },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply({ text: { trampolines }, failing: plan }: World, { trampoline, length, code, cpu, failing }) {
    const bytes = new Uint8Array(length).fill(code);
    const answer = plan.during(failing, () => trampolines.prepare(trampoline, bytes, cpu));
    return answer === '0' ? 0 : refuse(answer);
  },
});

const bpfTrampImageFree = operation({
  name: 'bpf_tramp_image_free',
  does: 'Frees a trampoline: exactly its bytes become traps, and its charge is returned (kernel/bpf/trampoline.c).',
  ends: 'trampoline',
  takes: { trampoline: made<Trampoline>('trampoline'), cpu: cpuArgument },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply({ text: { trampolines }, log }: World, { trampoline, cpu }) {
    const reports = log.reports.length;
    trampolines.free(trampoline, cpu);
    return log.since(reports);
  },
});

export const trampolineOperations = [
  bpfTrampImageAlloc,
  bpfStructOpsImageAlloc,
  archPrepareBpfTrampoline,
  bpfTrampImageFree,
] as const;
