import { type Fault, fault } from '../language/fault.ts';
import type { World } from '../model/world.ts';

const HERE = { kernel: '6.18', suite: 'prog-pack' } as const;

/** Laws that see an area given back under its holders, or a slice that nobody gives back. */
const BY_FILLER = [
  'refused-operations-map-nothing',
  'text-memory-outlives-its-holders',
  'chunks-are-busy-exactly-while-held',
  'ended-programs-leave-nothing',
  'a-free-returns-what-was-charged',
  'the-charge-is-what-exists',
  'refusals-change-nothing',
  'text-holds-only-what-its-owner-wrote',
  'free-text-is-trap-filled',
  'no-executable-memory-is-lost',
  'right-steps-raise-no-alarm',
];

const unwrittenSizeFreed = fault<World>({
  ...HERE,
  name: 'unwritten-size-freed',
  story:
    'No memory for the RW buffer: the text is freed by a header that was never written, and the whole pack may go.',
  breaks: 'chunks-are-busy-exactly-while-held',
  alsoBreaks: BY_FILLER,
  source: 'before d24d2a2b0a81 "bpf: bpf_prog_pack: Set proper size before freeing ro_header" (5.18-rc)',
  plant({ text: { binaries, memory } }) {
    binaries.freeWithoutBuffer = (header, _, cpu) => binaries.freeText(header, memory.readWord(header, cpu), cpu);
  },
});

const unfinishedProgramFreed = fault<World>({
  ...HERE,
  name: 'unfinished-program-freed',
  story: 'A subprogram whose final pass never ran is freed without being finalized, by the filler in its size field.',
  breaks: 'rw-buffers-live-until-finalize',
  alsoBreaks: BY_FILLER,
  source: 'before 1d5f82d9dd47 "bpf, x86: fix freeing of not-finalized bpf_prog_pack" (CVE-2022-50168)',
  plant({ text: { binaries } }) {
    binaries.settle = () => {};
  },
});

const errorPathPokesNoSize = fault<World>({
  ...HERE,
  name: 'error-path-pokes-no-size',
  story: 'The JIT fails before finalize and frees without poking the size into the header first.',
  breaks: 'ended-programs-leave-nothing',
  alsoBreaks: BY_FILLER,
  source: 'the x86 half of d24d2a2b0a81 (5.18-rc)',
  plant({ text: { binaries } }) {
    binaries.pokeSize = () => {};
  },
});

const failedFinalizeFrees = fault<World>({
  ...HERE,
  name: 'failed-finalize-frees',
  story: 'When the copy into text fails, finalize frees the chunk by the unwritten size in its header.',
  breaks: 'right-steps-raise-no-alarm',
  alsoBreaks: BY_FILLER,
  source: 'kernel/bpf/core.c up to 6.12 at least',
  plant({ text: { binaries } }) {
    binaries.abandon = (binary, cpu) => binaries.freeText(binary.header, binaries.sizeInText(binary, cpu), cpu);
  },
});

const failedCopyStopsTheMachine = fault<World>({
  ...HERE,
  name: 'failed-copy-stops-the-machine',
  story: 'A copy into text that fails ends in BUG_ON(), although it could be returned as an error.',
  breaks: 'right-steps-raise-no-alarm',
  alsoBreaks: ['refusals-change-nothing'],
  source: 'before f95f768f0af4 "bpf, x86_64: Fail gracefully on bpf_jit_binary_pack_finalize failures" (5.18-rc)',
  plant({ text: { binaries }, log }) {
    const { abandon } = binaries;
    binaries.abandon = (binary, cpu) => {
      log.bug('bpf_jit_binary_pack_finalize failed');
      abandon.call(binaries, binary, cpu);
    };
  },
});

const sizeInPages = fault<World>({
  ...HERE,
  name: 'size-read-in-pages',
  story: "A reader takes the header's size for the count of pages that it was before 5.18.",
  breaks: 'a-free-returns-what-was-charged',
  alsoBreaks: BY_FILLER,
  source: 'before "bpf: Fix leftover header->pages in sparc and powerpc code." (5.18-rc)',
  plant({ text: { binaries, memory } }) {
    binaries.sizeInText = ({ header }, cpu) => {
      const size = memory.readWord(header, cpu);
      return size === undefined ? undefined : Math.ceil(size / 4096);
    };
  },
});

const largeBufferFreedByKfree = fault<World>({
  ...HERE,
  name: 'large-buffer-freed-by-kfree',
  story: 'A buffer that kvmalloc() took from vmalloc is released with kfree() on the error path.',
  breaks: 'rw-buffers-live-until-finalize',
  alsoBreaks: ['right-steps-raise-no-alarm'],
  source: 'review of v6 of the introduction, January 2022',
  plant({ text: { binaries }, log }) {
    binaries.releaseBuffer = ({ buffer }) => {
      if (buffer.size > KMALLOC_MOST) log.bug('kfree() of a vmalloc address');
      else buffer.free();
    };
  },
});

const imageBeyondTheFirstChunk = fault<World>({
  ...HERE,
  name: 'image-beyond-the-first-chunk',
  story:
    'The random start uses all the slack, so an image may begin in the second chunk, where no mask finds its header.',
  breaks: 'headers-hold-the-allocated-size',
  alsoBreaks: ['ended-programs-leave-nothing', 'chunks-are-busy-exactly-while-held'],
  source: 'plausible: the second term of the min() in bpf_jit_binary_pack_alloc() is lost',
  plant({ text: { binaries } }) {
    binaries.startHole = (size, length) => size - length - 8;
  },
});

const bufferImageUnshifted = fault<World>({
  ...HERE,
  name: 'buffer-image-unshifted',
  story: 'The image begins right behind the header in the buffer, and at the random start in the text.',
  breaks: 'images-start-alike-in-text-and-buffer',
  source: 'plausible: the start is added to one of the two images',
  plant({ text: { binaries } }) {
    binaries.bufferOffset = () => 8;
  },
});

const finalizeKeepsTheBuffer = fault<World>({
  ...HERE,
  name: 'freed-buffer-freed-again',
  story: 'bpf_jit_free() hands the buffer that finalize has freed to bpf_jit_binary_pack_free() again.',
  breaks: 'rw-buffers-live-until-finalize',
  alsoBreaks: ['right-steps-raise-no-alarm'],
  source: 'plausible: jit_data is not cleared after finalize (the class of CVE-2022-50168)',
  plant({ text: { binaries } }) {
    const { freeText } = binaries;
    const { release } = binaries;
    binaries.release = (binary, cpu) => {
      binaries.freeText = (header, size, onCpu) => {
        binary.buffer.free();
        freeText.call(binaries, header, size, onCpu);
      };
      release.call(binaries, binary, cpu);
      binaries.freeText = freeText;
    };
  },
});

/** The largest size that kvmalloc() still takes from the slab when memory is not short. */
const KMALLOC_MOST = 8192;

export const programFaults: readonly Fault<World>[] = [
  unwrittenSizeFreed,
  unfinishedProgramFreed,
  errorPathPokesNoSize,
  failedFinalizeFrees,
  failedCopyStopsTheMachine,
  sizeInPages,
  largeBufferFreedByKfree,
  imageBeyondTheFirstChunk,
  bufferImageUnshifted,
  finalizeKeepsTheBuffer,
];
