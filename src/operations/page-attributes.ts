import { made } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { RwWindow } from '../model/kernel/temporary-rw.ts';
import type { VmArea } from '../model/kernel/vmalloc.ts';
import type { World } from '../model/world.ts';
import { failingSplitArgument } from './circumstance.ts';
import {
  countArgument,
  everyPage,
  isLive,
  mayExecute,
  mayWrite,
  pageArgument,
  pagesIn,
  rightsOf,
} from './memory-range.ts';

type Change = 'ro' | 'rw' | 'x' | 'nx' | 'rox' | 'np' | 'fourK';

/** Whether a careful caller may ask this of pages with these rights: the kernel itself refuses nothing. */
type Care = (areaFlags: number, directFlags: number) => boolean;

const always: Care = () => true;

/** One of the set_memory_*() calls on part of an area. */
function setMemory(name: string, does: string, change: Change, care: Care = always, weight = 1) {
  return operation({
    name,
    does,
    weight,
    takes: { area: made<VmArea>('area'), page: pageArgument, count: countArgument, failing: failingSplitArgument },
    ready: (world: World, { area, page, count }) =>
      isLive(world, area) && page < area.pageCount && everyPage(world, area, page, pagesIn(area, page, count), care),
    apply(world: World, { area, page, count, failing }) {
      const first = area.firstPage + page;
      const outcome = world.failing.during(failing, () => world.setMemory[change](first, pagesIn(area, page, count)));
      return outcome === 0 ? rightsOf(world, area, page) : refuse(outcome);
    },
  });
}

const setMemoryPastEnd = operation({
  name: 'set_memory_past_end',
  does: 'Asks for read-only memory up to and including the guard page: -EFAULT after the pages before it changed.',
  weight: 0.3,
  takes: { area: made<VmArea>('area'), page: pageArgument },
  ready: (world: World, { area, page }) => isLive(world, area) && page < area.pageCount,
  apply({ setMemory }: World, { area, page }) {
    const outcome = setMemory.ro(area.firstPage + page, area.pageCount - page + 1);
    return outcome === 0 ? 0 : refuse(outcome);
  },
});

interface RwWindowOf {
  readonly area: VmArea;
  readonly window: RwWindow;
}

const makeTempRw = operation({
  name: 'execmem_make_temp_rw',
  does: 'The owner of text begins to make it writable in place: the first of two permission changes (mm/execmem.c, 6.15).',
  makes: 'window',
  weight: 4,
  takes: { area: made<VmArea>('area'), page: pageArgument, count: countArgument, failing: failingSplitArgument },
  ready: (world: World, { area, page, count }) =>
    isLive(world, area) &&
    page < area.pageCount &&
    everyPage(world, area, page, pagesIn(area, page, count), (there, direct) => mayExecute(there) && !mayWrite(direct)),
  apply({ temporaryRw, failing: plan }: World, { area, page, count, failing }) {
    const window = temporaryRw.begin(area.firstPage + page, pagesIn(area, page, count));
    const outcome = plan.during(failing, () => temporaryRw.advance(window));
    return outcome === 0 ? ({ area, window } satisfies RwWindowOf) : refuse(outcome);
  },
});

const finishTempRw = operation({
  name: 'execmem_make_temp_rw_rest',
  does: 'The second permission change: the text can now be written, and not run.',
  weight: 2,
  takes: { window: made<RwWindowOf>('window'), failing: failingSplitArgument },
  ready: (world: World, { window: { area, window } }) =>
    isLive(world, area) && !world.temporaryRw.isWritable(window) && isStillNotExecutable(world, area, window),
  apply({ temporaryRw, failing: plan }: World, { window: { window }, failing }) {
    const outcome = plan.during(failing, () => temporaryRw.advance(window));
    return outcome === 0 ? 0 : refuse(outcome);
  },
});

/** Nobody made the pages executable again meanwhile. */
const isStillNotExecutable = (world: World, area: VmArea, { firstPage, pageCount }: RwWindow): boolean =>
  everyPage(world, area, firstPage - area.firstPage, pageCount, (there) => !mayExecute(there));

const restoreRox = operation({
  name: 'execmem_restore_rox',
  does: 'The owner closes the window: read-only and executable in one pass, and large again where possible.',
  ends: 'window',
  weight: 2,
  takes: { window: made<RwWindowOf>('window'), failing: failingSplitArgument },
  ready: (world: World, { window: { area } }) => isLive(world, area),
  apply(world: World, { window: { area, window }, failing }) {
    const outcome = world.failing.during(failing, () => world.temporaryRw.restore(window));
    return outcome === 0 ? rightsOf(world, area, window.firstPage - area.firstPage) : refuse(outcome);
  },
});

/** set_memory_*() on vmalloc areas. */
export const setMemoryOperations = [
  setMemory('set_memory_ro', 'Makes pages and their direct-map aliases read-only.', 'ro'),
  setMemory(
    'set_memory_rw',
    'Makes pages that nobody may execute writable, and their aliases.',
    'rw',
    (there) => !mayExecute(there),
  ),
  setMemory(
    'set_memory_x',
    'Makes read-only pages executable; the direct map stays as it is.',
    'x',
    (there, direct) => !mayWrite(there) && !mayWrite(direct),
  ),
  setMemory('set_memory_nx', 'Takes execution from pages; the direct map stays as it is.', 'nx'),
  setMemory(
    'set_memory_rox',
    'Makes pages read-only and executable in one pass; uniform ones become large again.',
    'rox',
    always,
    3,
  ),
  setMemory('set_memory_np', 'Takes pages and their aliases out of the tables.', 'np', always, 0.4),
  setMemory('set_memory_4k', 'Splits large entries, and marks the small ones so that they stay.', 'fourK', always, 2),
  setMemoryPastEnd,
] as const;

/** Text made writable in place for a while. */
export const temporaryRwOperations = [makeTempRw, finishTempRw, restoreRox] as const;
