import { type Fault, fault } from '../language/fault.ts';
import type { World } from '../model/world.ts';

const HERE = { kernel: '6.18', suite: 'boot' } as const;

const dataStaysExecutable = fault<World>({
  ...HERE,
  name: 'data-stays-executable',
  story:
    "The end of boot makes text read-only and leaves the kernel's data executable: what was writable and executable stays so.",
  breaks: 'nothing-of-boot-stays-writable-and-executable',
  alsoBreaks: ['no-entry-is-writable-and-executable', 'executable-frames-are-writable-nowhere'],
  source: 'the class of a82b26451de1 and 7cd9a11dd0c3 (6.15.4): pages left writable and executable after boot',
  plant({ markRodataRo }) {
    const perform = markRodataRo.perform.bind(markRodataRo);
    markRodataRo.perform = (step) => (step === 'data-nx' ? 0 : perform(step));
  },
});

const staticProtectionsIgnored = fault<World>({
  ...HERE,
  name: 'static-protections-ignored',
  story: 'A request for writable rodata or for text that cannot be executed is granted.',
  breaks: 'kernel-rodata-stays-read-only',
  alsoBreaks: ['executable-frames-are-writable-nowhere'],
  source: 'plausible: static_protections() not asked',
  plant({ staticProtections }) {
    staticProtections.forbidden = () => 0;
  },
});

const gapsStayReadOnly = fault<World>({
  ...HERE,
  name: 'gaps-stay-read-only',
  story: "The gaps between the image's sections are given to the page allocator while they are still read-only.",
  breaks: 'freed-frames-are-ordinary-memory',
  source: 'plausible: set_memory_rw() left out of free_init_pages()',
  plant({ markRodataRo, setMemory }) {
    markRodataRo.makeOrdinary = ({ first, end }) => setMemory.nx(first, end - first);
  },
});

const treesMadeAfterTheirFirstUser = fault<World>({
  ...HERE,
  name: 'trees-made-after-their-first-user',
  story:
    "The trees of execmem's cache can store nothing before maple_tree_init(), which runs after tracing has asked for its first trampoline.",
  breaks: 'right-steps-raise-no-alarm',
  source: 'before maple_tree_init() moved right behind mm_core_init() (6.17-rc; fixes 5d79c2be5081)',
  plant({ sharing: { cache }, markRodataRo }) {
    cache.nodesCanBeHad = () => markRodataRo.progress.stepsDone > 0;
  },
});

export const bootFaults: readonly Fault<World>[] = [
  dataStaysExecutable,
  staticProtectionsIgnored,
  gapsStayReadOnly,
  treesMadeAfterTheirFirstUser,
];
