import { type Fault, fault } from '../language/fault.ts';
import { freeTextAreaLock } from '../model/kernel/locks.ts';
import type { World } from '../model/world.ts';

const HERE = { kernel: 'execmem-proposal', suite: 'execmem-proposal' } as const;

const unlinkByCursor = fault<World>({
  ...HERE,
  name: 'unlink-by-cursor',
  story:
    'Taking a block out of the middle of all_text_vm assigns the local cursor and not the element before it: the block stays listed after its memory is gone.',
  breaks: 'shared-text-is-backed-by-live-areas',
  alsoBreaks: ['shared-text-is-all-accounted-for'],
  source: '"vmalloc: introduce vmalloc_exec, vfree_exec, and vcopy_exec", v1, 2022-10-31; mended by v4',
  plant({ sharing: { proposal } }) {
    proposal.unlink = (area) => {
      if (proposal.blocks.at(0) === area) proposal.blocks.remove(0);
    };
  },
});

const unlockWithoutLock = fault<World>({
  ...HERE,
  name: 'unlock-without-lock',
  story:
    'When vmalloc() fails, execmem_alloc() goes to an error label that unlocks, though the lock was dropped before.',
  breaks: 'locks-are-released-by-their-holders',
  source: 'v1, 2022-10-31; "Fix error handling in execmem_alloc()" in v3',
  plant({ sharing: { proposal }, locks }) {
    proposal.giveUp = () => locks.release(freeTextAreaLock);
  },
});

const linkOutsideTheLock = fault<World>({
  ...HERE,
  name: 'link-outside-the-lock',
  story:
    'A block is put on all_text_vm without the lock: the head that one CPU read is stale when it writes. A block that came meanwhile is lost for good, and one that went is listed again.',
  breaks: 'shared-text-is-all-accounted-for',
  alsoBreaks: ['shared-text-is-backed-by-live-areas'],
  source: 'v1 to v3, October and November 2022; under the lock in v5 (derived)',
  plant({ sharing: { proposal } }) {
    proposal.link = ({ area, listWas }) => {
      while (proposal.blocks.length > 0) proposal.blocks.remove(0);
      for (const block of [area, ...listWas]) proposal.blocks.push(block);
    };
  },
});

const fillIgnoresTheEnd = fault<World>({
  ...HERE,
  name: 'fill-ignores-the-end',
  story: 'A fill only asks whether its first byte lies in a chunk, and writes on into the neighbour.',
  breaks: 'fills-stay-inside-one-chunk',
  alsoBreaks: ['shared-text-holds-only-what-its-owner-wrote', 'free-shared-text-is-filler'],
  source: 'plausible: the boundary check of execmem_fill(), which the selftest of the series does not test, left out',
  plant({ sharing: { proposal } }) {
    proposal.holds = () => true;
  },
});

const fillToTheVeryEndRefused = fault<World>({
  ...HERE,
  name: 'fill-to-the-very-end-refused',
  story: 'A fill that ends exactly where its chunk ends is refused.',
  breaks: 'fills-stay-inside-one-chunk',
  alsoBreaks: ['right-steps-raise-no-alarm', 'shared-text-holds-only-what-its-owner-wrote'],
  source: 'plausible: >= for > in the boundary check of execmem_fill()',
  plant({ sharing: { proposal } }) {
    proposal.holds = ({ end }, to, length) => to + length < end;
  },
});

const freedChunkKeepsItsText = fault<World>({
  ...HERE,
  name: 'freed-chunk-keeps-its-text',
  story: 'A free does not fill the chunk with traps: what was unloaded can still be run.',
  breaks: 'free-shared-text-is-filler',
  source: 'plausible: arch_invalidate_execmem() as its weak default has it (-EOPNOTSUPP, which nobody looks at)',
  plant({ sharing: { proposal } }) {
    proposal.invalidated = (_, address) => ({ start: address, end: address });
  },
});

const bestFitAmongFreeAreas = fault<World>({
  ...HERE,
  name: 'best-fit-among-free-areas',
  story: 'The smallest free area that fits is taken, not the lowest.',
  breaks: 'shared-text-is-placed-lowest-first',
  source: 'a change of policy',
  plant({ sharing: { proposal } }) {
    proposal.findRoom = (size, align) =>
      [...proposal.free]
        .filter(({ start, end }) => Math.ceil(start / align) * align + size <= end)
        .toSorted((left, right) => left.end - left.start - (right.end - right.start))[0];
  },
});

const blockMadeExecutableOnly = fault<World>({
  ...HERE,
  name: 'block-made-executable-only',
  story: 'A new block is made executable and stays writable.',
  breaks: 'no-entry-is-writable-and-executable',
  alsoBreaks: ['shared-text-is-rox-at-rest', 'executable-frames-are-writable-nowhere'],
  source: 'plausible: the generic module_alloc_huge() of July 2022, whose memory is PAGE_KERNEL_EXEC',
  plant({ sharing: { proposal }, setMemory }) {
    proposal.protect = ({ firstPage, pageCount }) => void setMemory.x(firstPage, pageCount);
  },
});

const blockGivenBackReadOnly = fault<World>({
  ...HERE,
  name: 'block-given-back-read-only',
  story: 'A block goes back to vmalloc with the rights of text.',
  breaks: 'freed-frames-are-ordinary-memory',
  source: 'plausible: set_memory_nx() and set_memory_rw() of execmem_free() left out',
  plant({ sharing: { proposal } }) {
    proposal.unprotect = () => {};
  },
});

const cutLosesWhatLiesBefore = fault<World>({
  ...HERE,
  name: 'cut-loses-what-lies-before',
  story: 'Cutting an aligned chunk out of the middle of a free area forgets the piece before it.',
  breaks: 'shared-text-is-all-accounted-for',
  source: 'plausible: one of the four cases of adjust_va_to_fit_type() lost',
  plant({ sharing: { proposal } }) {
    proposal.cut = (room, { end }) => {
      proposal.free.remove(room.start);
      if (end < room.end) proposal.free.insert({ start: end, end: room.end });
    };
  },
});

const tailTakenForCoreText = fault<World>({
  ...HERE,
  kernel: 'execmem-proposal-tail',
  name: 'tail-taken-for-core-text',
  story:
    "The end of the kernel's last text page is handed out, and text_poke_copy() still takes it for the kernel's own: no fill of it succeeds.",
  breaks: 'shared-text-is-of-one-class',
  alsoBreaks: ['fills-stay-inside-one-chunk', 'right-steps-raise-no-alarm'],
  source: 'R. Edgecombe on "x86: use register_text_tail_vm", 2022-11-02 and -08: other classifiers of addresses',
  plant({ textPoke, image }) {
    const isCoreText = textPoke.isCoreText.bind(textPoke);
    textPoke.isCoreText = (place) => {
      const page = place.page + Math.floor(place.offset / 4096);
      return isCoreText(place) || (page >= image.textGap.first && page < image.textGap.end);
    };
  },
});

export const execmemProposalFaults: readonly Fault<World>[] = [
  unlinkByCursor,
  unlockWithoutLock,
  linkOutsideTheLock,
  fillIgnoresTheEnd,
  fillToTheVeryEndRefused,
  freedChunkKeepsItsText,
  bestFitAmongFreeAreas,
  blockMadeExecutableOnly,
  blockGivenBackReadOnly,
  cutLosesWhatLiesBefore,
  tailTakenForCoreText,
];
