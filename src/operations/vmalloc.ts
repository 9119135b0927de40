import { PAGE_SIZE } from '../base/page.ts';
import { boolean, integer, made, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { FreeStage, VmArea } from '../model/kernel/vmalloc.ts';
import type { World } from '../model/world.ts';
import { cpuArgument, cpuExists, failingEarlyArgument } from './circumstance.ts';
import { everyPage, isLive, mayExecute, mayWrite, pageArgument } from './memory-range.ts';

/** An area on its way through the stages of vfree(). */
interface Freeing {
  readonly area: VmArea;
  stagesDone: number;
}

const vmalloc = operation({
  name: 'vmalloc',
  does: 'Takes an area of whole pages, of 2 MiB leaves where asked and possible (mm/vmalloc.c:__vmalloc_node_range()).',
  makes: 'area',
  weight: 2,
  takes: {
    pages: integer({
      min: 0,
      max: 1536,
      simplest: 1,
      boundaries: [1, 33, 512],
      typical: ({ random, sizeLean }) =>
        random.chance(0.06 + sizeLean / 4) ? 512 * random.between(1, 2) : random.between(1, random.pick([2, 8, 40])),
    }),
    window: oneOf(['modules', 'vmalloc'], { default: 'modules' }),
    huge: boolean({ default: false }),
    reset: boolean({ default: false }),
    align: oneOf(['page', '2m'], { default: 'page' }),
    failing: failingEarlyArgument,
  },
  apply({ vmalloc, layout, failing: plan }: World, { pages, window, huge, reset, align, failing }) {
    const request = {
      sizeBytes: pages * PAGE_SIZE,
      window: layout[window],
      allowHuge: huge,
      flushResetPerms: reset,
      align: align === '2m' ? 512 : 1,
    };
    return plan.during(failing, () => vmalloc.allocate(request)) ?? refuse('NULL');
  },
  shows: ({ layout }: World, { window }, area) => {
    const { firstPage, pageCount, leafPages } = area as VmArea;
    return { page: firstPage - layout[window].first, pages: pageCount, leafPages };
  },
});

/**
 * The caller of a plain vfree() has made the memory ordinary again, as the kernel asks of those who changed permissions and did
 * not set VM_FLUSH_RESET_PERMS.
 */
const isOrdinary = (world: World, area: VmArea): boolean =>
  everyPage(
    world,
    area,
    0,
    area.pageCount,
    (there, direct) => !mayExecute(there) && mayWrite(there) && mayWrite(direct),
  );

/** Nobody frees text while it is being patched. */
const isPatched = ({ livePatching }: World, { firstPage, pageCount }: VmArea): boolean =>
  livePatching.active?.sites.some(({ place }) => place.page >= firstPage && place.page < firstPage + pageCount) ??
  false;

const mayFree = (world: World, area: VmArea): boolean =>
  isLive(world, area) && !isPatched(world, area) && (area.flushResetPerms || isOrdinary(world, area));

const vfree = operation({
  name: 'vfree',
  does: 'Gives an area back through any of its pages; permissions are reset first where VM_FLUSH_RESET_PERMS says so.',
  ends: 'area',
  weight: 2,
  takes: { area: made<VmArea>('area'), page: pageArgument, failing: failingEarlyArgument },
  ready: (world: World, { area, page }) => mayFree(world, area) && page < area.pageCount,
  apply({ vmalloc, failing: plan }: World, { area, page, failing }) {
    plan.during(failing, () => vmalloc.free(area.firstPage + page));
  },
});

const vfreeAgain = operation({
  name: 'vfree_again',
  does: 'Frees an area a second time, or what lies in its place now: nothing there is a WARN and no more.',
  weight: 0.3,
  takes: { area: made<VmArea>('area', { life: 'ended' }) },
  ready: ({ vmalloc }: World, { area }) => vmalloc.areaAt(area.firstPage) === undefined,
  apply({ vmalloc, log }: World, { area }) {
    const reports = log.reports.length;
    vmalloc.free(area.firstPage);
    return log.since(reports);
  },
});

const setVmFlushResetPerms = operation({
  name: 'set_vm_flush_reset_perms',
  does: "Asks that the area's permissions be reset when it is freed; a page that no area holds is passed over in silence.",
  takes: { area: made<VmArea>('area', { life: 'any' }), page: pageArgument },
  apply({ vmalloc }: World, { area, page }) {
    vmalloc.setFlushResetPerms(area.firstPage + page);
  },
});

const vmUnmapAliases = operation({
  name: 'vm_unmap_aliases',
  does: 'Flushes every lazily freed area, whose addresses can then be used again.',
  takes: {},
  apply({ vmapAreas }: World) {
    vmapAreas.unmapAliases();
  },
});

const vfreeBegin = operation({
  name: 'vfree_unmap',
  does: 'The first stage of vfree(): the area is unmapped, and CPUs may hold on to its translations.',
  ends: 'area',
  makes: 'freeing',
  takes: { area: made<VmArea>('area') },
  ready: (world: World, { area }) => mayFree(world, area),
  apply({ vmalloc }: World, { area }): Freeing {
    vmalloc.performFree(area, vmalloc.freeStages(area)[0]!);
    return { area, stagesDone: 1 };
  },
});

/** A later stage of vfree() under the kernel's name for it. */
function freeStage(name: string, does: string, stage: FreeStage) {
  return operation({
    name,
    does,
    weight: 2,
    ...(stage === 'release' ? { ends: 'freeing' as const } : {}),
    takes: { freeing: made<Freeing>('freeing'), failing: failingEarlyArgument },
    ready: ({ vmalloc }: World, { freeing }) => vmalloc.freeStages(freeing.area)[freeing.stagesDone] === stage,
    apply({ vmalloc, journal, failing: plan }: World, { freeing, failing }) {
      journal.set(freeing, 'stagesDone', freeing.stagesDone + 1);
      plan.during(failing, () => vmalloc.performFree(freeing.area, stage));
    },
  });
}

const speculateFreeing = operation({
  name: 'speculate_freeing',
  does: 'A CPU caches a translation of an area that is being freed, or of one of its frames in the direct map.',
  hint: true,
  weight: 4,
  takes: {
    freeing: made<Freeing>('freeing', { life: 'any' }),
    page: pageArgument,
    through: oneOf(['direct-map', 'area'], { default: 'direct-map' }),
    cpu: cpuArgument,
  },
  ready: (world: World, { freeing, page, cpu }) => cpuExists(world, cpu) && page < freeing.area.frames.length,
  apply({ machine, directMap }: World, { freeing: { area }, page, through, cpu }) {
    const { mmu, space } = machine.cpu(cpu);
    return mmu.speculate(space, through === 'area' ? area.firstPage + page : directMap.pageOf(area.frames[page]!));
  },
});

const write = operation({
  name: 'write_area',
  does: 'A CPU stores a byte to a page of an area; a page fault answers where the area is read-only.',
  weight: 2,
  takes: { area: made<VmArea>('area'), page: pageArgument, cpu: cpuArgument },
  ready: (world: World, { area, page, cpu }) => cpuExists(world, cpu) && isLive(world, area) && page < area.pageCount,
  apply({ access, machine }: World, { area, page, cpu }) {
    const fault = access.write(machine.cpu(cpu), area.firstPage + page, 8 * (page % 512), Uint8Array.of(0x90));
    return fault === undefined ? 'written' : { ...fault, page };
  },
});

/** Operations on vmalloc areas as wholes. */
export const vmallocOperations = [vmalloc, vfree, vfreeAgain, setVmFlushResetPerms, vmUnmapAliases, write] as const;

/** vfree() stage by stage, with others running in between. */
export const stagedVfreeOperations = [
  vfreeBegin,
  freeStage(
    'vfree_invalidate',
    'vfree() takes the frames out of the direct map, without a flush.',
    'invalidate-direct-map',
  ),
  freeStage('vfree_flush', 'vfree() flushes the unmapped area and its direct-map pages everywhere.', 'flush'),
  freeStage('vfree_default', 'vfree() makes the direct-map entries ordinary again.', 'default-direct-map'),
  speculateFreeing,
  freeStage('vfree_release', 'vfree() gives the frames to the page allocator.', 'release'),
] as const;
