import { PAGE_SIZE } from '../base/page.ts';
import { integer, made, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import { CHUNK_BYTES, chunksFor } from '../model/kernel/binary-header.ts';
import { type TextPiece, TRAP, ZERO } from '../model/kernel/prog-pack.ts';
import { pageOfText, type TextAddress } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { cpuArgument, cpuExists, failingEarlyArgument } from './circumstance.ts';

const bpfProgPackAlloc = operation({
  name: 'bpf_prog_pack_alloc',
  does: 'Takes text from a pack, or an area of its own for more than a pack holds (kernel/bpf/core.c).',
  makes: 'text',
  takes: {
    size: integer({
      min: 1,
      max: 2_200_000,
      simplest: 64,
      boundaries: [64, 128, 4096],
      typical: ({ random, sizeLean }) =>
        random.chance(sizeLean / 25) ? random.pick([2_097_151, 2_097_152, 2_097_153]) : random.between(1, 6000),
    }),
    filler: oneOf(['trap', 'zero'], { default: 'trap' }),
    cpu: cpuArgument,
    failing: failingEarlyArgument,
  },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply({ text, failing: plan }: World, { size, filler, cpu, failing }) {
    const byte = filler === 'trap' ? TRAP : ZERO;
    const address = plan.during(failing, () => text.packs.allocate(size, byte, cpu));
    return address === undefined ? refuse('NULL') : ({ address, size, live: true } satisfies TextPiece);
  },
  shows: ({ text }: World, _, made) => text.packs.placeOf((made as TextPiece).address),
});

/** Where the allocator reads sizes from headers, the caller of headerless text writes one first. */
const bpfProgPackFree = operation({
  name: 'bpf_prog_pack_free',
  does: 'Gives text back, sometimes wrongly: an interior pointer, another size, a second time (kernel/bpf/core.c).',
  ends: 'text',
  takes: {
    text: made<TextPiece>('text', { life: 'any', endedProbability: 0.05 }),
    at: integer({
      min: 0,
      max: 2_200_000,
      default: 0,
      typical: ({ random }) => (random.chance(0.08) ? CHUNK_BYTES * random.between(1, 40) : 0),
    }),
    /** 0 stands for the size as allocated. */
    size: integer({
      min: 0,
      max: 2_200_000,
      default: 0,
      typical: ({ random }) => (random.chance(0.08) ? random.between(1, 6000) : 0),
    }),
    cpu: cpuArgument,
  },
  ready: (world: World, { text, at, size, cpu }) =>
    cpuExists(world, cpu) && isOnesOwn(world, text, text.address + at, size === 0 ? text.size : size),
  apply({ text: { packs, memory, profile }, log, journal }: World, { text, at, size, cpu }) {
    const reports = log.reports.length;
    const pointer = text.address + at;
    const freed = size === 0 ? text.size : size;
    if (text.live) journal.set(text, 'live', false);
    if (profile.sizeAtFree === 'header') {
      if (memory.readWord(pointer, cpu) === undefined) return log.since(reports);
      memory.pokeCopy(pointer, new Uint8Array(new Uint32Array([freed]).buffer), cpu);
    }
    packs.free(pointer, freed, cpu);
    return log.since(reports);
  },
});

const bpfArchTextCopy = operation({
  name: 'bpf_arch_text_copy',
  does: 'Pokes bytes into text, sometimes beyond its end or after its end of life (text_poke_copy()).',
  takes: {
    text: made<TextPiece>('text', { life: 'any', endedProbability: 0.05 }),
    at: integer({ min: 0, max: 2_200_000, default: 0, typical: ({ random }) => random.between(0, 600) }),
    length: integer({
      min: 0,
      max: 16_384,
      simplest: 1,
      boundaries: [4096, 8192],
      typical: ({ random }) => random.between(1, 600),
    }),
    code: integer({ min: 0, max: 255, default: 0x90, base: 16 }),
    cpu: cpuArgument,
  },
  ready: (world: World, { text, at, length, cpu }) =>
    cpuExists(world, cpu) && isOnesOwn(world, text, text.address + at, length),
  apply({ text: { memory }, log }: World, { text, at, length, code, cpu }) {
    const reports = log.reports.length;
    if (!memory.pokeCopy(text.address + at, new Uint8Array(length).fill(code), cpu)) return refuse('-EINVAL');
    const complaints = log.since(reports);
    return complaints.length === 0 ? 0 : refuse(complaints.join('; '));
  },
});

/**
 * Whether a step that touches `size` bytes at `pointer` stays with what is the text's own, or is nobody's. The kernel does not
 * look, and would corrupt whoever is hit; what happens to the victim then is no answer of the kernel's, so such steps are left
 * out. Everything wrong that hits nobody else is a step: inside the text, past its end into free chunks, after its end.
 */
function isOnesOwn({ text: { packs }, vmalloc }: World, text: TextPiece, pointer: TextAddress, size: number): boolean {
  const pack = packs.packOf(pointer);
  if (pack === undefined) {
    const past = pageOfText(pointer + Math.max(size, 1) - 1) + 1;
    const area = vmalloc.areas.find(
      (one) => one.firstPage < past && pageOfText(pointer) < one.firstPage + one.pageCount,
    );
    if (area === undefined) return true;
    const own = text.live && packs.isDedicated(text.size) && area.firstPage === pageOfText(text.address);
    return own && pointer + size <= text.address + area.pageCount * PAGE_SIZE;
  }
  if (packs.isDedicated(text.size)) return false;
  if (packs.isDedicated(size) && pointer % PAGE_SIZE === 0) return false;
  const touched = packs.isDedicated(size) ? SIZE_FIELD_BYTES : size;
  const first = Math.floor((pointer - pack.address) / CHUNK_BYTES);
  const end = Math.ceil((pointer - pack.address + touched) / CHUNK_BYTES);
  const areClear = (from: number, past: number) => from >= past || pack.chunks.nextSet(from) >= past;
  if (end > pack.chunks.length) return false;
  if (!text.live) return areClear(first, end);
  const ownFirst = (text.address - pack.address) / CHUNK_BYTES;
  const ownEnd = ownFirst + chunksFor(text.size);
  return areClear(first, Math.min(end, ownFirst)) && areClear(Math.max(first, ownEnd), end);
}

/** Of a free above the pack size only the poke of its size touches the text, and that only where sizes stand in headers. */
const SIZE_FIELD_BYTES = 4;

export const progPackOperations = [bpfProgPackAlloc, bpfProgPackFree, bpfArchTextCopy] as const;
