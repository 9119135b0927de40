import { PAGE_SIZE } from '../base/page.ts';
import { integer, made, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import { execmemTypes } from '../model/kernel/execmem-profile.ts';
import type { ModuleText } from '../model/kernel/module-loader.ts';
import type { PopulatedRequest } from '../model/kernel/rox-cache.ts';
import { pageOfText } from '../model/kernel/text-address.ts';
import { READ } from '../model/machine/mmu.ts';
import type { World } from '../model/world.ts';
import { cpuArgument, cpuExists, failingArgument } from './circumstance.ts';

/** Pages of text: modules of some, now and then one that needs a block for itself. */
const pagesArgument = integer({
  min: 0,
  max: 1200,
  simplest: 1,
  boundaries: [1, 512],
  typical: ({ random, sizeLean }) =>
    random.chance(sizeLean / 4) ? random.pick([500, 512, 513, 768]) : random.between(1, 20),
});
const codeArgument = integer({ min: 0, max: 255, default: 0x90, base: 16 });
const siteArgument = integer({ min: 0, max: PAGE_SIZE - 5, default: 0 });

/** Bytes of an instruction that is patched. */
const SITE_BYTES = 5;

const site = (code: number): Uint8Array => new Uint8Array(SITE_BYTES).fill(code);

const allocate = operation({
  name: 'module_memory_alloc',
  does: 'Takes text for a module, a kprobe or an ftrace trampoline, from the cache or by vmalloc (execmem_alloc()).',
  makes: 'mod',
  weight: 4,
  takes: {
    type: oneOf(execmemTypes, { default: 'module-text' }),
    pages: pagesArgument,
    cpu: cpuArgument,
    failing: failingArgument,
  },
  ready: (world: World, { pages, cpu }) => cpuExists(world, cpu) && pages > 0,
  apply({ sharing: { modules }, failing: plan }: World, { type, pages, cpu, failing }) {
    return plan.during(failing, () => modules.allocate(type, pages * PAGE_SIZE, cpu)) ?? refuse('NULL');
  },
  shows: ({ layout }: World, _, mod) => pageOfText((mod as ModuleText).address) - layout.modules.first,
});

const allocateNothing = operation({
  name: 'module_memory_alloc_error',
  does: 'A negative errno is taken for a size, which rounds up to 0: a WARN and NULL (the arithmetic of PAGE_ALIGN()).',
  weight: 0.2,
  takes: { errno: integer({ min: 1, max: 4095, default: 8 }) },
  apply({ sharing: { execmem } }: World, { errno }) {
    return execmem.allocate('module-text', 2 ** 64 - errno, 0) === undefined ? refuse('NULL') : 0;
  },
});

const populate = operation({
  name: 'execmem_cache_populate',
  does: 'A request finds nothing in the cache and adds a block: the first critical section of execmem_cache_alloc().',
  makes: 'populated',
  weight: 2,
  takes: { pages: pagesArgument, cpu: cpuArgument, failing: failingArgument },
  ready: ({ sharing: { cache, execmem }, machine }: World, { pages, cpu }) =>
    cpu < machine.cpus.length &&
    execmem.ranges['module-text'].cached &&
    pages > 0 &&
    cache.free.lowest(pages * PAGE_SIZE) === undefined,
  apply({ sharing: { cache }, failing: plan }: World, { pages, cpu, failing }) {
    return plan.during(failing, () => cache.populateFor(pages * PAGE_SIZE, cpu)) ?? refuse('NULL');
  },
});

const allocateAgain = operation({
  name: 'execmem_cache_alloc_again',
  does: 'The second critical section: the request looks again, and others may have been there first (mm/execmem.c).',
  makes: 'mod',
  ends: 'populated',
  weight: 3,
  takes: { populated: made<PopulatedRequest>('populated'), failing: failingArgument },
  apply({ sharing: { cache, modules }, failing: plan }: World, { populated, failing }) {
    const address = plan.during(failing, () => cache.finish(populated));
    return address === undefined ? refuse('NULL') : modules.adopt('module-text', address, populated.size);
  },
});

const takeExecution = operation({
  name: 'execmem_force_rw',
  does: 'The owner of cached text begins to make it writable: set_memory_nx() (execmem_make_temp_rw() in 6.15).',
  weight: 2,
  takes: { mod: made<ModuleText>('mod'), failing: failingArgument },
  ready: (_: World, { mod }) => mod.cached && mod.copy === undefined && mod.state === 'loading' && mod.rights === 'rox',
  apply({ sharing: { modules }, failing: plan }: World, { mod, failing }) {
    const outcome = plan.during(failing, () => modules.takeExecution(mod));
    return outcome === 0 ? 0 : refuse(outcome);
  },
});

const giveWriting = operation({
  name: 'execmem_force_rw_rest',
  does: 'The second permission change: set_memory_rw().',
  weight: 3,
  takes: { mod: made<ModuleText>('mod'), failing: failingArgument },
  ready: (_: World, { mod }) => mod.rights === 'nx' && mod.state === 'loading',
  apply({ sharing: { modules }, failing: plan }: World, { mod, failing }) {
    const outcome = plan.during(failing, () => modules.giveWriting(mod));
    return outcome === 0 ? 0 : refuse(outcome);
  },
});

const write = operation({
  name: 'apply_relocations',
  does: 'A section is copied and relocated, in the copy or in place (kernel/module/main.c).',
  weight: 3,
  takes: { mod: made<ModuleText>('mod'), code: codeArgument, cpu: cpuArgument },
  ready: (world: World, { mod, cpu }) => cpuExists(world, cpu) && world.sharing.modules.mayWrite(mod),
  apply: ({ sharing: { modules } }: World, { mod, code, cpu }) => modules.write(mod, code, cpu),
});

const finish = operation({
  name: 'module_enable_text_rox',
  does: 'The end of loading: the copy is poked over the text, or the text becomes read-only and executable again.',
  weight: 3,
  takes: { mod: made<ModuleText>('mod'), cpu: cpuArgument },
  ready: (world: World, { mod, cpu }) => cpuExists(world, cpu) && world.sharing.modules.mayWrite(mod),
  apply({ sharing: { modules } }: World, { mod, cpu }) {
    const outcome = modules.finish(mod, cpu);
    return outcome === 0 ? 0 : refuse(outcome);
  },
});

const updateStaticKey = operation({
  name: 'static_key_update',
  does: 'Another CPU pokes a site of the module; before its sites are known nothing happens (kernel/jump_label.c).',
  weight: 2,
  takes: { mod: made<ModuleText>('mod'), at: siteArgument, code: codeArgument, cpu: cpuArgument },
  ready: (world: World, { mod, cpu }) => cpuExists(world, cpu) && mod.rights === 'rox' && mod.state !== 'freed',
  apply({ sharing: { modules } }: World, { mod, at, code, cpu }) {
    if (!modules.sitesAreKnown(mod)) return 'not known yet';
    modules.patch(mod, at, site(code), cpu);
    return 'poked';
  },
});

const relocateLate = operation({
  name: 'klp_apply_section_relocs',
  does: 'A livepatch relocates a module that is formed already (kernel/livepatch/core.c).',
  takes: { mod: made<ModuleText>('mod'), at: siteArgument, code: codeArgument, cpu: cpuArgument },
  ready: (world: World, { mod, cpu }) => cpuExists(world, cpu) && mod.state === 'live' && mod.rights === 'rox',
  apply: ({ sharing: { modules } }: World, { mod, at, code, cpu }) => modules.relocateLate(mod, at, site(code), cpu),
});

const release = operation({
  name: 'module_memory_free',
  does: 'Gives text back, now and then through an interior pointer, which stands for all of it (execmem_free()).',
  ends: 'mod',
  weight: 3,
  takes: {
    mod: made<ModuleText>('mod'),
    page: integer({ min: 0, max: 1200, default: 0, typical: ({ random }) => (random.chance(0.03) ? 1 : 0) }),
    cpu: cpuArgument,
    failing: failingArgument,
  },
  ready: (world: World, { mod, page, cpu }) =>
    cpuExists(world, cpu) && mod.state !== 'freed' && page * PAGE_SIZE < mod.size,
  apply({ sharing: { modules }, failing: plan, log }: World, { mod, page, cpu, failing }) {
    const reports = log.reports.length;
    plan.during(failing, () => modules.release(mod, page * PAGE_SIZE, cpu));
    return log.since(reports);
  },
});

const retryFrees = operation({
  name: 'execmem_cache_free_slow',
  does: 'The delayed work tries again to free what could not be freed (mm/execmem.c, 6.17).',
  weight: 2,
  takes: { cpu: cpuArgument, failing: failingArgument },
  ready: (world: World, { cpu }) => cpuExists(world, cpu) && world.sharing.cache.work.retryScheduled,
  apply({ sharing: { cache }, failing: plan }: World, { cpu, failing }) {
    plan.during(failing, () => cache.retryPendingFrees(cpu));
    return cache.work.pendingFrees;
  },
});

const clean = operation({
  name: 'execmem_cache_clean',
  does: 'The clean work gives blocks back that nobody uses (mm/execmem.c).',
  weight: 2,
  takes: {},
  ready: ({ sharing: { cache } }: World) => cache.work.cleanScheduled,
  apply({ sharing: { cache } }: World) {
    cache.clean();
    return cache.blocks.length;
  },
});

const readKcore = operation({
  name: 'read_kcore',
  does: 'A reader of /proc/kcore looks at text through the direct map, which 6.13 had taken away (fs/proc/kcore.c).',
  weight: 0.5,
  takes: { mod: made<ModuleText>('mod'), cpu: cpuArgument },
  ready: (world: World, { mod, cpu }) => cpuExists(world, cpu) && mod.state !== 'freed',
  apply({ machine, directMap, access }: World, { mod, cpu }) {
    const there = machine.kernelTables.translate(pageOfText(mod.address));
    if (there === undefined) return refuse('-EFAULT');
    const answer = access.translate(machine.cpu(cpu), directMap.pageOf(there.frame), READ);
    return typeof answer === 'number' ? 'done' : refuse('-EFAULT');
  },
});

const speculate = operation({
  name: 'speculate_text',
  does: 'A CPU caches the translation of a page of text, there or in the direct map, as it may at any time.',
  hint: true,
  weight: 3,
  takes: {
    mod: made<ModuleText>('mod'),
    page: integer({ min: 0, max: 1200, default: 0, typical: ({ random }) => random.below(4) }),
    through: oneOf(['text', 'direct-map'], { default: 'text' }),
    cpu: cpuArgument,
  },
  ready: (world: World, { mod, page, cpu }) => cpuExists(world, cpu) && page * PAGE_SIZE < mod.size,
  apply({ machine, directMap }: World, { mod, page, through, cpu }) {
    const { mmu, space } = machine.cpu(cpu);
    const at = pageOfText(mod.address) + page;
    const there = through === 'text' ? undefined : machine.kernelTables.translate(at);
    if (through === 'text') return mmu.speculate(space, at);
    return there === undefined ? undefined : mmu.speculate(space, directMap.pageOf(there.frame));
  },
});

/** What users of mm/execmem.c do, and its deferred work. */
export const execmemOperations = [
  allocate,
  allocateNothing,
  populate,
  allocateAgain,
  takeExecution,
  giveWriting,
  write,
  finish,
  updateStaticKey,
  relocateLate,
  release,
  retryFrees,
  clean,
  readKcore,
  speculate,
] as const;
