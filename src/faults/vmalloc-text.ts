import { type Fault, fault } from '../language/fault.ts';
import { textAddress } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';

const HERE = { kernel: 'vmalloc-text', suite: 'vmalloc-text' } as const;

const freshTextUnfilled = fault<World>({
  ...HERE,
  name: 'fresh-text-unfilled',
  story: 'A new block is made executable with whatever its frames held before.',
  breaks: 'free-shared-text-is-filler',
  alsoBreaks: ['shared-text-holds-only-what-its-owner-wrote'],
  source: 'd88bb5eed04c "bpf: Fill new bpf_prog_pack with illegal instructions", for whoever fills in the caller',
  plant({ sharing: { vmallocText } }) {
    vmallocText.fillBlock = () => {};
  },
});

const textProtectionUnseen = fault<World>({
  ...HERE,
  name: 'text-protection-unseen',
  story: 'Nobody looks at whether a new block became read-only and executable.',
  breaks: 'shared-text-is-rox-at-rest',
  alsoBreaks: ['executable-frames-are-writable-nowhere'],
  source: 'e60adf513275 "bpf: Take return from set_memory_rox() into account", for the one allocator',
  plant({ sharing: { vmallocText }, setMemory }) {
    vmallocText.protect = ({ firstPage, pageCount }) => {
      setMemory.ro(firstPage, pageCount);
      setMemory.x(firstPage, pageCount);
      return true;
    };
  },
});

const interiorAddressFreed = fault<World>({
  ...HERE,
  name: 'interior-address-freed',
  story: 'A free accepts any address inside a chunk: a slip of the caller takes text away from who still runs it.',
  breaks: 'busy-text-is-what-is-held',
  alsoBreaks: ['shared-text-holds-only-what-its-owner-wrote', 'refused-requests-take-nothing'],
  source: 'plausible: lookup by containment, as execmem_free() and execmem_cache_free() do it',
  plant({ sharing: { vmallocText } }) {
    vmallocText.mayFree = () => true;
  },
});

const copyReachesTheNeighbour = fault<World>({
  ...HERE,
  name: 'copy-reaches-the-neighbour',
  story: 'A copy asks only whether its first byte lies in a chunk.',
  breaks: 'fills-stay-inside-one-chunk',
  alsoBreaks: ['shared-text-holds-only-what-its-owner-wrote', 'free-shared-text-is-filler'],
  source: 'plausible: the check that execmem_fill() was given and text_poke_copy() lacks',
  plant({ sharing: { vmallocText } }) {
    vmallocText.holds = () => true;
  },
});

const unloadedTextStays = fault<World>({
  ...HERE,
  name: 'unloaded-text-stays',
  story: 'Freed text is not filled with traps.',
  breaks: 'free-shared-text-is-filler',
  source: 'fe736565efb7 "bpf: Introduce bpf_arch_text_invalidate", for the one allocator',
  plant({ sharing: { vmallocText } }) {
    vmallocText.trap = () => {};
  },
});

const usersShareALine = fault<World>({
  ...HERE,
  name: 'users-share-a-line',
  story:
    'A chunk ends at its last byte, and the rest of its line is handed to nobody: it is lost to every aligned request.',
  breaks: 'busy-text-is-what-is-held',
  source: 'plausible: the byte granularity of the proposal of November 2022 under an alignment of 64',
  plant({ sharing: { vmallocText } }) {
    vmallocText.reserved = (size) => size;
  },
});

const writableBeforeFreed = fault<World>({
  ...HERE,
  name: 'writable-while-executable-before-freed',
  story: 'A block is made writable first and not executable after: for an instant everybody can write what can be run.',
  breaks: 'rights-never-pass-through-write-and-execute',
  source: 'the order that R. Edgecombe asked for on 2022-05-17, turned round',
  plant({ sharing: { vmallocText }, setMemory }) {
    vmallocText.unprotect = ({ firstPage, pageCount }) =>
      setMemory.rw(firstPage, pageCount) === 0 && setMemory.nx(firstPage, pageCount) === 0;
  },
});

const blockJudgedByItsEnd = fault<World>({
  ...HERE,
  name: 'block-judged-by-its-end',
  story: 'A block goes back when free text of 2 MiB and more ends where it ends, though its beginning is in use.',
  breaks: 'shared-text-is-backed-by-live-areas',
  source:
    'a mistake made and found while this allocator was written; the clean work of mm/execmem.c made it until 2026',
  plant({ sharing: { vmallocText } }) {
    vmallocText.isWhole = ({ end }, { firstPage, pageCount }) => end === textAddress(firstPage + pageCount);
  },
});

export const vmallocTextFaults: readonly Fault<World>[] = [
  freshTextUnfilled,
  textProtectionUnseen,
  interiorAddressFreed,
  copyReachesTheNeighbour,
  unloadedTextStays,
  usersShareALine,
  writableBeforeFreed,
  blockJudgedByItsEnd,
];
