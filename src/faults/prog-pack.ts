import { roundDown, roundUp } from '../base/word.ts';
import { type Fault, fault } from '../language/fault.ts';
import { CHUNK_BYTES, chunksFor } from '../model/kernel/binary-header.ts';
import { textMutex } from '../model/kernel/locks.ts';
import { TRAP } from '../model/kernel/prog-pack.ts';
import { pageOfText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';

const HERE = { kernel: '6.18', suite: 'prog-pack' } as const;

const freeLeavesOldText = fault<World>({
  ...HERE,
  name: 'free-leaves-old-text',
  story:
    'A freed slice is not filled with traps: the code of an unloaded program stays executable in a pack that lives on.',
  breaks: 'free-text-is-trap-filled',
  source: 'before fe736565efb7 "bpf: Introduce bpf_arch_text_invalidate for bpf_prog_pack" (5.19)',
  plant({ text: { packs } }) {
    packs.invalidate = () => {};
  },
});

const freshPackHoldsOldMemory = fault<World>({
  ...HERE,
  name: 'fresh-pack-holds-old-memory',
  story: 'A new pack is made executable with whatever its recycled pages held.',
  breaks: 'free-text-is-trap-filled',
  alsoBreaks: ['text-holds-only-what-its-owner-wrote'],
  source: 'before d88bb5eed04c "bpf: Fill new bpf_prog_pack with illegal instructions" (5.19)',
  plant({ text: { packs } }) {
    packs.fillPack = () => {};
  },
});

const packFoundByMask = fault<World>({
  ...HERE,
  name: 'pack-found-by-mask',
  story:
    'Free masks the address with the pack size to find its pack; a pack that is not aligned to its size is missed.',
  breaks: 'ended-programs-leave-nothing',
  alsoBreaks: ['chunks-are-busy-exactly-while-held', 'free-text-is-trap-filled'],
  source: 'before 96805674e562 "bpf: Fix bpf_prog_pack for multi-node setup" (5.18-rc)',
  plant({ text: { packs } }) {
    packs.packOf = (pointer) =>
      packs.packs.items.find(({ address }) => address === roundDown(pointer, packs.packBytes));
  },
});

const protectionResultIgnored = fault<World>({
  ...HERE,
  kernel: '7.3',
  name: 'protection-result-ignored',
  story:
    'The result of set_memory_rox() is not looked at: a pack is used although it is still writable or not executable.',
  breaks: 'packs-are-finished-when-listed',
  alsoBreaks: ['executable-frames-are-writable-nowhere', 'cpus-and-tables-together-keep-w-xor-x'],
  source: 'before e60adf513275 and its sibling for packs (6.10, CVE-2024-42067)',
  plant({ text: { packs, memory } }) {
    packs.protect = (area) => {
      memory.protect(area);
      return true;
    };
  },
});

const resetAskedOfTheDescriptor = fault<World>({
  ...HERE,
  name: 'reset-asked-of-the-descriptor',
  story: 'VM_FLUSH_RESET_PERMS is asked for the address of the descriptor, so no vm area gets it.',
  breaks: 'freed-frames-are-ordinary-memory',
  alsoBreaks: ['permissions-are-reset-before-frames-are-freed', 'no-cpu-keeps-rights-that-were-taken'],
  source: 'posting of bpf_prog_pack, 2022-01-06',
  plant({ text: { packs } }) {
    packs.requestReset = () => {};
  },
});

const bestFit = fault<World>({
  ...HERE,
  name: 'best-fit-in-a-pack',
  story: 'The smallest hole that fits is taken, not the first.',
  breaks: 'text-is-placed-first-fit',
  source: 'a change of policy',
  plant({ text: { packs } }) {
    packs.findRoom = (chunkCount) => {
      let best: { pack: (typeof packs.packs.items)[number]; first: number; length: number } | undefined;
      for (const pack of packs.packs.items) {
        for (let first = pack.chunks.nextClear(0); first < pack.chunks.length; ) {
          const length = pack.chunks.nextSet(first) - first;
          if (length >= chunkCount && length < (best?.length ?? Number.POSITIVE_INFINITY))
            best = { pack, first, length };
          first = pack.chunks.nextClear(first + length);
        }
      }
      return best;
    };
  },
});

const emptyPackKept = fault<World>({
  ...HERE,
  name: 'empty-pack-kept',
  story: 'The last chunk of a pack is freed, and the pack is not.',
  breaks: 'no-pack-stands-idle',
  alsoBreaks: ['no-executable-memory-is-lost'],
  source: 'plausible: the check for an empty bitmap is lost',
  plant({ text: { packs } }) {
    packs.release = () => {};
  },
});

const releasedPackStaysListed = fault<World>({
  ...HERE,
  name: 'released-pack-stays-listed',
  story: "An empty pack's memory is given back, but the pack stays on the list that requests are served from.",
  breaks: 'no-pack-stands-idle',
  source: 'plausible: list_del() is lost',
  plant({ text: { packs } }) {
    packs.unlist = () => {};
  },
});

const lastChunkLost = fault<World>({
  ...HERE,
  name: 'last-chunk-lost',
  story:
    'Free rounds the size down to chunks, allocation rounds it up: the last chunk of an odd size is never free again.',
  breaks: 'chunks-are-busy-exactly-while-held',
  source: 'plausible, for the unrounded sizes of trampolines (since 6.8)',
  plant({ text: { packs } }) {
    packs.clear = (pack, pointer, size) => {
      pack.chunks.clearRange((pointer - pack.address) / CHUNK_BYTES, Math.floor(size / CHUNK_BYTES));
    };
  },
});

const neighbourTrapped = fault<World>({
  ...HERE,
  name: 'neighbour-trapped',
  story: 'Invalidation rounds the range up to 128 bytes and puts traps into the neighbour.',
  breaks: 'text-holds-only-what-its-owner-wrote',
  source:
    'plausible: a rounding as execmem_free() of November 2022 had it with its length (free of an interior pointer)',
  plant({ text: { packs, memory } }) {
    packs.invalidate = (pointer, size, cpu) => {
      const end = (packs.packOf(pointer)?.address ?? pointer) + packs.packBytes;
      memory.pokeFill(pointer, TRAP, Math.min(roundUp(size, 2 * CHUNK_BYTES), end - pointer), cpu);
    };
  },
});

const textMutexBeforePackMutex = fault<World>({
  ...HERE,
  name: 'text-mutex-before-pack-mutex',
  story:
    'A load takes text_mutex before it asks for memory, and a free takes it inside: two CPUs can wait for each other.',
  breaks: 'locks-keep-their-order',
  source: 'plausible: the poke of the size moved into the allocation',
  plant({ text: { binaries }, locks }) {
    const { allocate } = binaries;
    binaries.allocate = (request) => locks.holding(textMutex, () => allocate.call(binaries, request));
  },
});

const executableBeforeReadOnly = fault<World>({
  ...HERE,
  name: 'executable-before-read-only',
  story:
    'A fresh pack is made executable first and read-only after, so that for a moment it is both writable and executable.',
  breaks: 'right-steps-raise-no-alarm',
  source: 'plausible: the two calls that set_memory_rox() replaced in 6.2 (d48567c9a0d1) exchanged',
  plant({ text: { packs }, setMemory }) {
    packs.protect = ({ firstPage, pageCount }) =>
      setMemory.x(firstPage, pageCount) === 0 && setMemory.ro(firstPage, pageCount) === 0;
  },
});

const sizeReadAfterInvalidation = fault<World>({
  ...HERE,
  name: 'size-read-after-invalidation',
  story: 'The size is read from the header after the traps went over it: 0xcccccccc bytes are marked free.',
  breaks: 'chunks-are-busy-exactly-while-held',
  alsoBreaks: [
    'free-text-is-trap-filled',
    'text-memory-outlives-its-holders',
    'text-holds-only-what-its-owner-wrote',
    'ended-programs-leave-nothing',
  ],
  source: 'the order that v2 to v4 of the bpf_arch_text_invalidate series (May 2022) had to get right',
  plant({ text: { packs }, access }) {
    packs.clear = (pack, pointer) => {
      const first = (pointer - pack.address) / CHUNK_BYTES;
      const [byte = 0] = access.peek(pageOfText(pointer), pointer & 4095, 1) ?? [];
      const size = byte * 0x0101_0101;
      pack.chunks.clearRange(first, Math.min(chunksFor(size), pack.chunks.length - first));
    };
  },
});

export const progPackFaults: readonly Fault<World>[] = [
  freeLeavesOldText,
  freshPackHoldsOldMemory,
  packFoundByMask,
  protectionResultIgnored,
  resetAskedOfTheDescriptor,
  bestFit,
  emptyPackKept,
  releasedPackStaysListed,
  lastChunkLost,
  neighbourTrapped,
  textMutexBeforePackMutex,
  executableBeforeReadOnly,
  sizeReadAfterInvalidation,
];
