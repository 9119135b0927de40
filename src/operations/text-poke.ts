import { PAGE_SIZE } from '../base/page.ts';
import { integer, made } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { PatchBatch, PatchPhase } from '../model/kernel/live-patching.ts';
import type { TextPlace } from '../model/kernel/text-poke.ts';
import type { VmArea } from '../model/kernel/vmalloc.ts';
import type { World } from '../model/world.ts';
import { cpuArgument, cpuExists } from './circumstance.ts';
import { everyPage, isLive, mayExecute, pageArgument } from './memory-range.ts';

/** A jmp with a 32-bit displacement. */
const INSTRUCTION_LENGTH = 5;
const SITE_STRIDE = 24;

const offsetArgument = integer({ min: 0, max: PAGE_SIZE - 1, default: 0, boundaries: [0, 4093] });
const lengthArgument = integer({
  min: 0,
  max: 12_288,
  default: 64,
  boundaries: [0, 1, 64, 4096, 8192],
  typical: ({ random }) => random.between(1, 600),
});
const byteArgument = integer({ min: 0, max: 255, default: 0xcc, base: 16 });

/** Whether all the text is mapped: a poke at a page that is not there would be a BUG. */
function isMapped({ machine: { kernelTables } }: World, page: number, bytes: number): boolean {
  for (let at = page; at < page + Math.ceil(bytes / PAGE_SIZE); at++)
    if (kernelTables.translate(at) === undefined) return false;
  return true;
}

function mayPoke(world: World, area: VmArea, page: number, offset: number, length: number): boolean {
  const end = page * PAGE_SIZE + offset + length;
  return (
    isLive(world, area) && end <= area.pageCount * PAGE_SIZE && isMapped(world, area.firstPage + page, offset + length)
  );
}

/** Whether the bytes meet an instruction that is being replaced: text_mutex keeps others out until that is over. */
function meetsPatch({ livePatching }: World, area: VmArea, page: number, offset: number, length: number): boolean {
  const first = page * PAGE_SIZE + offset;
  return (livePatching.active?.sites ?? []).some(({ place }) => {
    const at = (place.page - area.firstPage) * PAGE_SIZE + place.offset;
    return at < first + length && first < at + INSTRUCTION_LENGTH;
  });
}

const pokeArguments = {
  area: made<VmArea>('area'),
  page: pageArgument,
  offset: offsetArgument,
  length: lengthArgument,
  byte: byteArgument,
  cpu: cpuArgument,
};

const textPokeCopy = operation({
  name: 'text_poke_copy',
  does: 'One CPU copies bytes into text through its private alias, two pages at a time (alternative.c).',
  weight: 3,
  takes: pokeArguments,
  ready: (world: World, { area, page, offset, length, cpu }) =>
    cpuExists(world, cpu) &&
    mayPoke(world, area, page, offset, length) &&
    !meetsPatch(world, area, page, offset, length),
  apply({ textPoke, machine, access }: World, { area, page, offset, length, byte, cpu }) {
    const place = { page: area.firstPage + page, offset };
    const bytes = Uint8Array.from({ length }, (_, index) => (byte + index) & 0xff);
    if (!textPoke.copy(machine.cpu(cpu), place, bytes)) return refuse('NULL');
    return access.peek(place.page, offset, Math.min(length, 8));
  },
});

const textPokeSet = operation({
  name: 'text_poke_set',
  does: 'One CPU fills text with a byte through its private alias (alternative.c).',
  weight: 2,
  takes: pokeArguments,
  ready: (world: World, { area, page, offset, length, cpu }) =>
    cpuExists(world, cpu) &&
    mayPoke(world, area, page, offset, length) &&
    !meetsPatch(world, area, page, offset, length),
  apply({ textPoke, machine, access }: World, { area, page, offset, length, byte, cpu }) {
    const place = { page: area.firstPage + page, offset };
    if (!textPoke.set(machine.cpu(cpu), place, byte, length)) return refuse('NULL');
    return access.peek(place.page, offset, Math.min(length, 8));
  },
});

const textPokeCore = operation({
  name: 'text_poke_copy_core',
  does: "Tries to copy into the kernel's own text, which text_poke_copy() refuses with a WARN.",
  weight: 0.3,
  takes: { page: integer({ min: 0, max: 1299, default: 0 }), cpu: cpuArgument },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply({ textPoke, machine, image }: World, { page, cpu }) {
    const done = textPoke.copy(machine.cpu(cpu), { page: image.text.first + page, offset: 0 }, Uint8Array.of(0x90));
    return done ? 0 : refuse('NULL');
  },
});

/** A batch together with the area that its sites are in. */
interface Patch {
  readonly area: VmArea;
  readonly batch: PatchBatch;
}

const patchBegin = operation({
  name: 'smp_text_poke_begin',
  does: 'Begins to replace instructions that other CPUs may run: an int3 goes over each first byte.',
  makes: 'patch',
  weight: 4,
  takes: {
    area: made<VmArea>('area'),
    page: pageArgument,
    offset: offsetArgument,
    sites: integer({ min: 1, max: 8, default: 1 }),
    target: integer({ min: 0, max: 255, default: 0 }),
    cpu: cpuArgument,
  },
  ready: (world: World, { area, page, offset, sites, cpu }) =>
    cpuExists(world, cpu) &&
    world.livePatching.active === undefined &&
    mayPoke(world, area, page, offset, sites * SITE_STRIDE) &&
    everyPage(world, area, page, Math.ceil((offset + sites * SITE_STRIDE) / PAGE_SIZE), (there) => mayExecute(there)),
  apply({ livePatching, machine }: World, { area, page, offset, sites, target, cpu }) {
    const places: TextPlace[] = Array.from({ length: sites }, (_, index) => ({
      page: area.firstPage + page,
      offset: offset + index * SITE_STRIDE,
    }));
    const bytes = Uint8Array.of(0xe9, target, target ^ 0xff, 0, 0).subarray(0, INSTRUCTION_LENGTH);
    return { area, batch: livePatching.begin(machine.cpu(cpu), places, bytes) } satisfies Patch;
  },
});

/** The area is still there, and all its text is mapped. */
function mayAdvance(world: World, { area, batch }: Patch, from: PatchPhase): boolean {
  if (batch.phase !== from || !isLive(world, area)) return false;
  return batch.sites.every(({ place }) => isMapped(world, place.page, place.offset + INSTRUCTION_LENGTH));
}

function patchPhase(name: string, does: string, from: PatchPhase) {
  return operation({
    name,
    does,
    weight: 2,
    ...(from === 'heads-written' ? { ends: 'patch' as const } : {}),
    takes: { patch: made<Patch>('patch'), cpu: cpuArgument },
    ready: (world: World, { patch, cpu }) => cpuExists(world, cpu) && mayAdvance(world, patch, from),
    apply({ livePatching, machine }: World, { patch, cpu }) {
      livePatching.advance(machine.cpu(cpu), patch.batch);
    },
  });
}

const executePatched = operation({
  name: 'execute_patched',
  does: 'A CPU comes to an instruction that is being replaced.',
  weight: 3,
  takes: {
    patch: made<Patch>('patch'),
    site: integer({ min: 0, max: 7, default: 0 }),
    cpu: cpuArgument,
  },
  ready: (world: World, { patch, site, cpu }) =>
    cpuExists(world, cpu) && site < patch.batch.sites.length && isLive(world, patch.area),
  apply: ({ livePatching, machine }: World, { patch, site, cpu }) =>
    livePatching.execute(machine.cpu(cpu), patch.batch.sites[site]!),
});

/** Writing to text that nobody runs meanwhile. */
export const textPokeOperations = [textPokeCopy, textPokeSet, textPokeCore] as const;

/** Replacing instructions that others may run, phase by phase. */
export const livePatchingOperations = [
  patchBegin,
  patchPhase('smp_text_poke_tails', 'Writes all but the first byte of each new instruction.', 'trapped'),
  patchPhase('smp_text_poke_heads', 'Writes the first byte of each new instruction over its int3.', 'tails-written'),
  patchPhase('smp_text_poke_finish', 'Takes the int3 handler away.', 'heads-written'),
  executePatched,
] as const;
