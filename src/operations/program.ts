import { isPowerOfTwo } from '../base/word.ts';
import { type Argument, integer, made } from '../language/argument.ts';
import { type Operation, operation, refuse } from '../language/operation.ts';
import type { Binary } from '../model/kernel/binary-pack.ts';
import type { World } from '../model/world.ts';
import { capableArgument, cpuArgument, cpuExists, failingCopyArgument, failingEarlyArgument } from './circumstance.ts';
import { programLength } from './program-length.ts';

/** Alignment of an image: x86 asks for 4, that of an exception table entry. Others are a JIT's own bug. */
export const alignArgument = integer({
  min: 1,
  max: 8,
  default: 4,
  typical: ({ random }) => random.pick([4, 4, 4, 1, 2, 8]),
});

/** What the random generator gave for the start of the image, as far as any start can show it. */
export const randomArgument = integer({ min: 0, max: 4095, default: 0 });

/** A byte of machine code; one byte repeated is enough to tell whose code it is. */
export const codeArgument = integer({ min: 0, max: 255, default: 0x90, base: 16 });

/** Bytes of a jump or call that is patched into live text. */
const PATCH_BYTES = 5;

/** Laying out a program, with lengths from a population of one's own. */
export const binaryPackAllocOf = (length: Argument<number>) =>
  operation({
    name: 'bpf_jit_binary_pack_alloc',
    does: 'Takes text and an RW buffer for a program of this length (kernel/bpf/core.c).',
    makes: 'prog',
    weight: 3,
    takes: {
      length,
      align: alignArgument,
      random: randomArgument,
      capable: capableArgument,
      cpu: cpuArgument,
      failing: failingEarlyArgument,
    },
    ready: ({ machine, text }: World, { length: bytes, align, cpu }) =>
      cpu < machine.cpus.length && isPowerOfTwo(align) && text.binaries.takes(bytes),
    apply({ text, failing: plan }: World, { failing, ...request }) {
      return plan.during(failing, () => text.binaries.allocate(request)) ?? refuse('NULL');
    },
    shows: ({ text: { slices } }: World, _, made) => slices.placeOf((made as Binary).header),
  });

const doJit = operation({
  name: 'do_jit',
  does: 'The last pass of the JIT writes machine code into the RW buffer (arch/x86/net/bpf_jit_comp.c).',
  takes: { prog: made<Binary>('prog'), code: codeArgument },
  ready: (_: World, { prog }) => prog.state === 'jiting',
  apply({ text: { binaries } }: World, { prog, code }) {
    binaries.emit(prog, 0, new Uint8Array(prog.length).fill(code));
  },
});

const bpfJitBinaryPackFinalize = operation({
  name: 'bpf_jit_binary_pack_finalize',
  does: 'Pokes the RW buffer over the text and frees the buffer (kernel/bpf/core.c).',
  weight: 2,
  takes: { prog: made<Binary>('prog'), cpu: cpuArgument, failing: failingCopyArgument },
  ready: (world: World, { prog, cpu }) => cpuExists(world, cpu) && prog.state === 'jiting',
  apply({ text: { binaries }, failing: plan }: World, { prog, cpu, failing }) {
    const answer = plan.during(failing, () => binaries.finalize(prog, cpu));
    return answer === '0' ? 0 : refuse(answer);
  },
});

const bpfArchTextPoke = operation({
  name: 'bpf_arch_text_poke',
  does: 'Patches a jump in a live program, as for a direct tail call (arch/x86/net/bpf_jit_comp.c).',
  takes: {
    prog: made<Binary>('prog'),
    at: integer({ min: 0, max: 2_200_000, default: 0, typical: ({ random }) => random.between(0, 400) }),
    code: codeArgument,
    cpu: cpuArgument,
  },
  ready: (world: World, { prog, at, cpu }) =>
    cpuExists(world, cpu) && prog.state === 'live' && at + PATCH_BYTES <= prog.length,
  apply({ text: { memory } }: World, { prog, at, code, cpu }) {
    return memory.pokeCopy(prog.image + at, new Uint8Array(PATCH_BYTES).fill(code), cpu) ? 0 : refuse('-EINVAL');
  },
});

const bpfJitBinaryPackFree = operation({
  name: 'bpf_jit_binary_pack_free',
  does: "Frees a program's text and buffer; before finalize this is the JIT's error path (kernel/bpf/core.c).",
  ends: 'prog',
  takes: { prog: made<Binary>('prog'), cpu: cpuArgument },
  ready: (world: World, { prog, cpu }) => cpuExists(world, cpu) && mayEnd(world, prog),
  apply({ text: { binaries }, log }: World, { prog, cpu }) {
    const reports = log.reports.length;
    binaries.free(prog, cpu);
    return log.since(reports);
  },
});

export const bpfJitFree = operation({
  name: 'bpf_jit_free',
  does: 'Frees a program that is unloaded, finalizing it first where its last pass never ran (bpf_jit_comp.c).',
  ends: 'prog',
  takes: { prog: made<Binary>('prog'), cpu: cpuArgument, failing: failingCopyArgument },
  ready: (world: World, { prog, cpu }) => cpuExists(world, cpu) && mayEnd(world, prog),
  apply({ text: { binaries }, log, failing: plan }: World, { prog, cpu, failing }) {
    const reports = log.reports.length;
    plan.during(failing, () => binaries.release(prog, cpu));
    return log.since(reports);
  },
});

export const bpfJitLimit = operation({
  name: 'bpf_jit_limit',
  does: 'Sets the sysctl net.core.bpf_jit_limit, in bytes.',
  weight: 0.3,
  takes: {
    bytes: integer({
      min: 4096,
      max: 2 ** 30,
      simplest: 4096,
      boundaries: [8192],
      typical: ({ random }) => random.between(4096, 65_536),
    }),
  },
  apply: ({ text: { limit } }: World, { bytes }) => limit.setLimit(bytes),
});

/** A program goes away once: not while the dispatcher refers to it, and not when its JIT has already let go of it. */
function mayEnd({ text: { dispatcher } }: World, prog: Binary): boolean {
  const going = prog.state === 'jiting' || prog.state === 'live';
  return going && !dispatcher.programs.items.some(({ program }) => program === prog);
}

// biome-ignore lint/suspicious/noExplicitAny: each operation takes arguments of its own
export const programOperations: readonly Operation<World, any>[] = [
  doJit,
  bpfJitBinaryPackFinalize,
  bpfArchTextPoke,
  bpfJitBinaryPackFree,
  bpfJitFree,
  bpfJitLimit,
];

export const bpfJitBinaryPackAlloc = binaryPackAllocOf(programLength);
