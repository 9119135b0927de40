import { PAGE_SIZE } from '../base/page.ts';
import { integer, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import { readOnlySteps } from '../model/kernel/mark-rodata-ro.ts';
import type { World } from '../model/world.ts';
import { cpuArgument, cpuExists, failingArgument } from './circumstance.ts';

const markRodataRo = operation({
  name: 'mark_rodata_ro',
  does: 'Performs the next step of the end of boot: text and rodata read-only, data not executable, the gaps freed.',
  weight: 2,
  takes: {},
  ready: ({ markRodataRo: { progress } }: World) => progress.stepsDone < readOnlySteps.length,
  apply({ markRodataRo }: World) {
    const step = readOnlySteps[markRodataRo.progress.stepsDone]!;
    const outcome = markRodataRo.next();
    return outcome === 0 ? step : refuse(outcome);
  },
});

const allocTramp = operation({
  name: 'alloc_tramp',
  does: 'Function tracing, asked for on the command line, takes text for a trampoline early in boot (arch/x86/kernel/ftrace.c).',
  weight: 0.5,
  takes: { pages: integer({ min: 1, max: 2, default: 1 }), cpu: cpuArgument, failing: failingArgument },
  ready: (world: World, { cpu }) =>
    cpuExists(world, cpu) && world.sharing.profile.kind === 'core' && world.markRodataRo.progress.stepsDone === 0,
  apply({ sharing: { execmem }, failing: plan }: World, { pages, cpu, failing }) {
    const address = plan.during(failing, () => execmem.allocate('ftrace', pages * PAGE_SIZE, cpu));
    return address === undefined ? refuse('NULL') : 0;
  },
});

const setMemoryImage = operation({
  name: 'set_memory_image',
  does: 'Somebody asks other permissions for part of the kernel image; what the kernel protects is left out in silence.',
  weight: 2,
  takes: {
    section: oneOf(['text', 'rodata', 'data']),
    change: oneOf(['ro', 'rw', 'nx', 'fourK']),
    page: integer({
      min: 0,
      max: 1535,
      default: 0,
      boundaries: [0, 512, 699],
      typical: ({ random }) => random.below(700),
    }),
    count: integer({
      min: 1,
      max: 1536,
      default: 1,
      boundaries: [1, 33, 512],
      typical: ({ random }) => random.between(1, 40),
    }),
    failing: failingArgument,
  },
  /** Writable text is the one thing that callers must not ask for: the kernel would make it so. */
  ready: ({ image, markRodataRo }: World, { section, change, page }) =>
    markRodataRo.progress.stepsDone === readOnlySteps.length &&
    !(section === 'text' && change === 'rw') &&
    page < image[section].end - image[section].first,
  apply({ image, setMemory, failing: plan }: World, { section, change, page, count, failing }) {
    const { first, end } = image[section];
    const outcome = plan.during(failing, () => setMemory[change](first + page, Math.min(count, end - first - page)));
    return outcome === 0 ? 0 : refuse(outcome);
  },
});

/** The first user of executable memory, the end of boot, and requests for the kernel's own memory. */
export const bootOperations = [allocTramp, markRodataRo, setMemoryImage] as const;
