import { integer, made, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { NewBlock } from '../model/kernel/execmem-proposal.ts';
import type { TextAddress } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { cpuArgument, cpuExists, failingArgument } from './circumstance.ts';

/** Text as a caller of execmem_alloc() holds it. */
export interface TextChunk {
  readonly address: TextAddress;
  readonly size: number;
  /** Whether the caller still may use it. */
  live: boolean;
}

/** A fill between its lookup and its copy: the lock was dropped. */
export interface Filling {
  readonly chunk: TextChunk;
  readonly to: TextAddress;
  readonly length: number;
}

/** Half the programs of a fleet are below 500 bytes and three quarters below 2 KiB; now and then somebody asks for a block. */
const sizeArgument = integer({
  min: 0,
  max: 4_194_305,
  simplest: 64,
  boundaries: [64, 4096, 2_097_152],
  typical: ({ random, sizeLean }) =>
    random.chance(sizeLean / 20)
      ? random.pick([2_093_056, 2_097_152, 2_097_153])
      : Math.floor(16 * 2 ** random.below(9)),
});

const execmemAlloc = operation({
  name: 'execmem_alloc',
  does: 'Takes text at the lowest address that fits, from a new 2 MiB block where none does (proposal of November 2022).',
  makes: 'chunk',
  weight: 3,
  takes: {
    size: sizeArgument,
    align: integer({ min: -64, max: 4096, default: 64, typical: ({ random }) => random.pick([64, 64, 64, 4, 4096]) }),
    cpu: cpuArgument,
    failing: failingArgument,
  },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply({ sharing: { proposal }, failing: plan }: World, { size, align, cpu, failing }) {
    const address = plan.during(failing, () => proposal.allocate(size, align, cpu));
    return address === undefined ? refuse('NULL') : ({ address, size, live: true } satisfies TextChunk);
  },
  shows: ({ text: { slices } }: World, _, made) => slices.placeOf((made as TextChunk).address),
});

/** Sizes that no window holds: an int that went negative, and one near the end of the address space. */
const absurdSizes = { more_than_the_window: 2 ** 31, nearly_all_there_is: 2 ** 64 - 8 } as const;

const execmemAllocAbsurd = operation({
  name: 'execmem_alloc_absurd',
  does: 'Asks for more text than there is address space for it: NULL, and nothing changes.',
  weight: 0.2,
  takes: { size: oneOf(['more_than_the_window', 'nearly_all_there_is']), cpu: cpuArgument },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply({ sharing: { proposal } }: World, { size, cpu }) {
    return proposal.allocate(absurdSizes[size], 64, cpu) === undefined ? refuse('NULL') : 0;
  },
});

const fillArguments = {
  chunk: made<TextChunk>('chunk', { life: 'any', endedProbability: 0.05 }),
  at: integer({ min: -4096, max: 2_200_000, default: 0, typical: ({ random }) => random.below(200) }),
  length: integer({
    min: 0,
    max: 70_000,
    simplest: 1,
    boundaries: [64, 4096],
    typical: ({ random }) => random.between(0, 300),
  }),
};
const codeArgument = integer({ min: 0, max: 255, default: 0x90, base: 16 });

/** A fill of the chunk's first or last byte, of all of it, or of any part, possibly one that is not all its own. */
const execmemFill = operation({
  name: 'execmem_fill',
  does: 'Copies bytes into text; -EINVAL and nothing else unless they lie in one chunk (proposal of November 2022).',
  weight: 3,
  takes: { ...fillArguments, code: codeArgument, cpu: cpuArgument },
  ready: (world: World, { chunk, at, cpu }) => cpuExists(world, cpu) && isOwn(world, chunk, at),
  apply({ sharing: { proposal } }: World, { chunk, at, length, code, cpu }) {
    const answer = proposal.fill(chunk.address + at, new Uint8Array(length).fill(code), cpu);
    return answer === '-EINVAL' ? refuse(answer) : answer - chunk.address;
  },
});

const execmemFillAll = operation({
  name: 'execmem_fill_ends',
  does: 'Fills the first and the last byte of a chunk, or all of it, as users and the selftest of the series do.',
  weight: 2,
  takes: { chunk: made<TextChunk>('chunk'), part: oneOf(['all', 'ends']), code: codeArgument, cpu: cpuArgument },
  ready: (world: World, { chunk, cpu }) => cpuExists(world, cpu) && chunk.live,
  apply({ sharing: { proposal } }: World, { chunk: { address, size }, part, code, cpu }) {
    const bytes = new Uint8Array(part === 'all' ? size : 1).fill(code);
    const first = proposal.fill(address, bytes, cpu);
    const last = part === 'all' ? first : proposal.fill(address + size - 1, bytes, cpu);
    return first === '-EINVAL' || last === '-EINVAL' ? refuse('-EINVAL') : 0;
  },
});

const fillLookup = operation({
  name: 'execmem_fill_lookup',
  does: 'The first half of execmem_fill() on another CPU: the chunk is found, then the lock is dropped.',
  makes: 'filling',
  takes: fillArguments,
  ready: (world: World, { chunk, at }) => isOwn(world, chunk, at),
  apply({ sharing: { proposal } }: World, { chunk, at, length }) {
    const to = chunk.address + at;
    const found = proposal.lookUp(to, length);
    return found === '-EINVAL' ? refuse(found) : ({ chunk, to, length } satisfies Filling);
  },
});

const fillCopy = operation({
  name: 'execmem_fill_copy',
  does: 'The second half of execmem_fill(): the copy, whatever became of the chunk meanwhile.',
  ends: 'filling',
  takes: { filling: made<Filling>('filling'), code: codeArgument, cpu: cpuArgument },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply({ sharing: { proposal } }: World, { filling: { to, length }, code, cpu }) {
    const answer = proposal.copy(to, new Uint8Array(length).fill(code), cpu);
    return answer === '-EINVAL' ? refuse(answer) : 0;
  },
});

const execmemFree = operation({
  name: 'execmem_free',
  does: 'Gives a chunk back, sometimes through an interior pointer or a second time (proposal of November 2022).',
  ends: 'chunk',
  weight: 2,
  takes: {
    chunk: made<TextChunk>('chunk', { life: 'any', endedProbability: 0.05 }),
    at: integer({ min: 0, max: 2_200_000, default: 0, typical: ({ random }) => (random.chance(0.03) ? 64 : 0) }),
    cpu: cpuArgument,
    failing: failingArgument,
  },
  ready: (world: World, { chunk, at, cpu }) => cpuExists(world, cpu) && isOwn(world, chunk, at),
  apply({ sharing: { proposal }, journal, failing: plan, log }: World, { chunk, at, cpu, failing }) {
    const reports = log.reports.length;
    if (chunk.live && at < chunk.size) journal.set(chunk, 'live', false);
    plan.during(failing, () => proposal.release(chunk.address + at, cpu));
    return log.since(reports);
  },
});

const populate = operation({
  name: 'execmem_populate',
  does: 'Another CPU found no free text and has got itself a block, which nobody else knows yet.',
  makes: 'block',
  weight: 0.3,
  takes: { failing: failingArgument },
  apply({ sharing: { proposal }, failing: plan }: World, { failing }) {
    const block = plan.during(failing, () => proposal.newBlock(64));
    if (block === undefined) proposal.giveUp();
    return block ?? refuse('NULL');
  },
});

const publish = operation({
  name: 'move_vmap_to_free_text_tree',
  does: 'That CPU protects its block and gives it to the free tree (proposal of November 2022).',
  ends: 'block',
  takes: { block: made<NewBlock>('block'), cpu: cpuArgument, failing: failingArgument },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply: ({ sharing: { proposal }, failing: plan }: World, { block, cpu, failing }) =>
    plan.during(failing, () => proposal.publish(block, cpu)),
});

/**
 * Whether the address is the chunk's own, or nobody's. The kernel does not look and would work on whoever holds it; what
 * happens to the victim is no answer of the kernel's, so such steps are left out.
 */
function isOwn({ sharing: { proposal } }: World, { address, live }: TextChunk, at: number): boolean {
  const holder = proposal.busy.at(address + at);
  return holder === undefined || (live && holder.start === address);
}

export const execmemProposalOperations = [
  execmemAlloc,
  execmemAllocAbsurd,
  execmemFill,
  execmemFillAll,
  fillLookup,
  fillCopy,
  execmemFree,
  populate,
  publish,
] as const;

const selftestAlloc = operation({
  name: 'execmem_alloc_test',
  does: 'One allocation of the selftest of the series: (i % 1024 + 1) * 64 bytes at a multiple of 64 (lib/test_vmalloc.c).',
  makes: 'chunk',
  takes: { i: integer({ min: 0, max: 1023, simplest: 0 }), cpu: cpuArgument },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply({ sharing: { proposal } }: World, { i, cpu }) {
    const size = ((i % 1024) + 1) * 64;
    const address = proposal.allocate(size, 64, cpu);
    return address === undefined ? refuse('NULL') : ({ address, size, live: true } satisfies TextChunk);
  },
});

/** The loop of the selftest: allocate, fill the first and the last byte, free; and the fills across a boundary that it left out. */
export const execmemSelftestOperations = [selftestAlloc, execmemFillAll, execmemFill, execmemFree] as const;
