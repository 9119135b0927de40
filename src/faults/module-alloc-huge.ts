import { type Fault, fault } from '../language/fault.ts';
import { KERNEL_DATA, NO_EXECUTE } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';

const HERE = { kernel: 'module-alloc-huge', suite: 'prog-pack' } as const;

const hugePackFreedAsText = fault<World>({
  ...HERE,
  name: 'huge-pack-freed-as-text',
  story:
    'VM_FLUSH_RESET_PERMS is dropped for packs of large leaves, and nothing takes its place: the pack goes back with the rights of text.',
  breaks: 'freed-frames-are-ordinary-memory',
  source:
    '"bpf: use module_alloc_huge for bpf_prog_pack", v5, 2022-06-24: why set_memory_nx() and _rw() stand before module_memfree()',
  plant({ text: { packs } }) {
    packs.unprotect = () => {};
  },
});

const hugePackWritableFirst = fault<World>({
  ...HERE,
  name: 'huge-pack-writable-first',
  story:
    'A pack is made writable before it is made not executable: for an instant every CPU could write what it can run.',
  breaks: 'rights-never-pass-through-write-and-execute',
  source: 'R. Edgecombe on "bpf: use module_alloc_huge for bpf_prog_pack", 2022-05-17',
  plant({ text: { packs }, setMemory }) {
    packs.unprotect = ({ firstPage, pageCount }) => {
      setMemory.rw(firstPage, pageCount);
      setMemory.nx(firstPage, pageCount);
    };
  },
});

const hugeMemoryBornExecutable = fault<World>({
  ...HERE,
  name: 'huge-memory-born-executable',
  story:
    'The generic module_alloc_huge() maps with PAGE_KERNEL_EXEC: until its caller tightens it, a pack is writable and executable.',
  breaks: 'rights-never-pass-through-write-and-execute',
  source: '"module: introduce module_alloc_huge", v6, 2022-07-07 (the weak version)',
  plant({ vmMapping }) {
    const map = vmMapping.map.bind(vmMapping);
    vmMapping.map = (firstPage, frames, leafPages, flags) =>
      map(firstPage, frames, leafPages, flags === KERNEL_DATA ? flags & ~NO_EXECUTE : flags);
  },
});

export const moduleAllocHugeFaults: readonly Fault<World>[] = [
  hugePackFreedAsText,
  hugePackWritableFirst,
  hugeMemoryBornExecutable,
];
