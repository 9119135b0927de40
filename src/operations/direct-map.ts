import { integer, made, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { VmArea } from '../model/kernel/vmalloc.ts';
import type { World } from '../model/world.ts';
import { cpuArgument, cpuExists, failingEarlyArgument, failingSplitArgument } from './circumstance.ts';

/** A 2 MiB page of somebody who knows it by its direct-map address. */
interface HugePage {
  readonly firstFrame: number;
}

const allocPages = operation({
  name: 'alloc_pages',
  does: 'Takes 512 contiguous frames, known by their direct-map address.',
  makes: 'pages',
  weight: 1.5,
  takes: {},
  apply: ({ machine: { memory } }: World) => {
    const firstFrame = memory.allocateBlock('slab');
    return firstFrame === undefined ? refuse('NULL') : ({ firstFrame } satisfies HugePage);
  },
});

const directPageArgument = integer({
  min: 0,
  max: 511,
  default: 0,
  boundaries: [0, 1, 511],
  typical: ({ random }) => random.below(random.pick([1, 3, 3, 512])),
});

/** Most requests are for a few pages, so that the flush is page by page. */
const directCountArgument = integer({
  min: 1,
  max: 512,
  default: 1,
  boundaries: [1, 33, 512],
  typical: ({ random }) => random.between(1, random.pick([1, 1, 3, 40])),
});

/** The live area that vmap() made of the page. */
const mappedAs = ({ vmalloc }: World, { firstFrame }: HugePage): VmArea | undefined =>
  vmalloc.areas.find(({ frames, ownsFrames }) => !ownsFrames && frames[0] === firstFrame);

const vmap = operation({
  name: 'vmap',
  does: 'Maps 512 contiguous frames a second time, in small pages of vmalloc space (mm/vmalloc.c:vmap()).',
  makes: 'area',
  takes: {
    pages: made<HugePage>('pages'),
    align: oneOf(['2m', 'page'], { default: '2m' }),
    failing: failingEarlyArgument,
  },
  ready: (world: World, { pages }) => mappedAs(world, pages) === undefined,
  apply({ vmalloc, layout, failing: plan }: World, { pages: { firstFrame }, align, failing }) {
    const frames = Array.from({ length: 512 }, (_, index) => firstFrame + index);
    const alignPages = align === '2m' ? 512 : 1;
    return plan.during(failing, () => vmalloc.map(frames, layout.modules, alignPages)) ?? refuse('NULL');
  },
});

/** A set_memory_*() call on direct-map addresses. */
function setDirectMemory(name: string, does: string, change: 'ro' | 'rw' | 'nx' | 'fourK') {
  return operation({
    name,
    does,
    weight: 3,
    takes: {
      pages: made<HugePage>('pages'),
      page: directPageArgument,
      count: directCountArgument,
      failing: failingSplitArgument,
    },
    /** Frames that are mapped elsewhere too have an owner who must be asked. */
    ready: (world: World, { pages }) => mappedAs(world, pages) === undefined,
    apply({ setMemory, directMap, failing: plan }: World, { pages: { firstFrame }, page, count, failing }) {
      const first = directMap.pageOf(firstFrame + page);
      const outcome = plan.during(failing, () => setMemory[change](first, Math.min(count, 512 - page)));
      return outcome === 0 ? 0 : refuse(outcome);
    },
  });
}

const speculateDirect = operation({
  name: 'speculate_direct',
  does: 'A CPU caches the direct-map translation of a page for no reason that software can see.',
  hint: true,
  weight: 5,
  takes: {
    pages: made<HugePage>('pages', { life: 'any' }),
    page: directPageArgument,
    cpu: cpuArgument,
  },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply({ machine, directMap }: World, { pages: { firstFrame }, page, cpu }) {
    const { mmu, space } = machine.cpu(cpu);
    return mmu.speculate(space, directMap.pageOf(firstFrame + page));
  },
});

const freePages = operation({
  name: 'free_pages',
  does: 'Makes the frames writable again, and gives them back.',
  ends: 'pages',
  weight: 0.5,
  takes: { pages: made<HugePage>('pages') },
  ready: (world: World, { pages }) => mappedAs(world, pages) === undefined,
  apply({ machine: { memory }, setMemory, directMap }: World, { pages: { firstFrame } }) {
    const outcome = setMemory.rw(directMap.pageOf(firstFrame), 512);
    if (outcome !== 0) return refuse(outcome);
    memory.freeBlock(firstFrame);
    return 0;
  },
});

/** set_memory_*() on direct-map addresses. */
export const directMapOperations = [
  allocPages,
  vmap,
  speculateDirect,
  setDirectMemory('set_memory_ro_direct', 'Makes direct-map pages read-only.', 'ro'),
  setDirectMemory('set_memory_rw_direct', 'Makes direct-map pages writable.', 'rw'),
  setDirectMemory('set_memory_4k_direct', 'Splits direct-map entries.', 'fourK'),
  freePages,
] as const;
