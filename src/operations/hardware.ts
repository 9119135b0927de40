import { integer, made, oneOf } from '../language/argument.ts';
import { operation } from '../language/operation.ts';
import type { VmArea } from '../model/kernel/vmalloc.ts';
import { FETCH, READ } from '../model/machine/mmu.ts';
import type { World } from '../model/world.ts';
import { cpuArgument, cpuExists } from './circumstance.ts';
import { pageArgument } from './memory-range.ts';

const through = oneOf(['area', 'direct-map'], { default: 'area' });

const target = ({ directMap }: World, area: VmArea, page: number, alias: 'area' | 'direct-map'): number =>
  alias === 'area' ? area.firstPage + page : directMap.pageOf(area.frames[page]!);

const speculate = operation({
  name: 'speculate',
  does: 'A CPU caches the translation of a page for no reason that software can see, as it may at any time.',
  hint: true,
  weight: 4,
  takes: {
    area: made<VmArea>('area', { life: 'any' }),
    page: pageArgument,
    through,
    cpu: cpuArgument,
  },
  ready: (world: World, { area, page, cpu }) => cpuExists(world, cpu) && page < area.frames.length,
  apply(world: World, { area, page, through: alias, cpu }) {
    const { mmu, space } = world.machine.cpu(cpu);
    return mmu.speculate(space, target(world, area, page, alias));
  },
});

const access = operation({
  name: 'access',
  does: 'A CPU loads a byte from a page of an area, or fetches it as an instruction, through one of its mappings.',
  takes: {
    area: made<VmArea>('area', { life: 'any' }),
    page: pageArgument,
    through,
    want: oneOf(['load', 'fetch']),
    cpu: cpuArgument,
  },
  ready: (world: World, { area, page, cpu }) => cpuExists(world, cpu) && page < area.frames.length,
  apply(world: World, { area, page, through: alias, want, cpu }) {
    const at = target(world, area, page, alias);
    const answer = world.access.translate(world.machine.cpu(cpu), at, want === 'load' ? READ : FETCH);
    return typeof answer === 'number' ? 'done' : { ...answer, page };
  },
});

const speculateImage = operation({
  name: 'speculate_image',
  does: 'A CPU caches the translation of a page of the kernel image, in its high mapping or the direct map.',
  hint: true,
  weight: 2,
  takes: {
    page: integer({ min: 0, max: 4095, default: 0, boundaries: [1299, 1300, 1536, 2235, 2236, 2560] }),
    through: oneOf(['image', 'direct-map'], { default: 'image' }),
    cpu: cpuArgument,
  },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply({ image, directMap, machine }: World, { page, through: alias, cpu }) {
    const { mmu, space } = machine.cpu(cpu);
    const high = image.whole.first + page;
    return mmu.speculate(space, alias === 'image' ? high : directMap.pageOf(image.frameOfPage(high)));
  },
});

/** What CPUs do with vmalloc areas. */
export const areaAccessOperations = [speculate, access] as const;

/** What CPUs do with the kernel image. */
export const imageAccessOperations = [speculateImage] as const;
