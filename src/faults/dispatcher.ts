import { type Fault, fault } from '../language/fault.ts';
import type { World } from '../model/world.ts';

const HERE = { kernel: '6.18', suite: 'dispatcher' } as const;

const noGracePeriod = fault<World>({
  ...HERE,
  name: 'no-grace-period',
  story:
    'An update ends without waiting for readers, so the second one in a row writes the half that a CPU still runs.',
  breaks: 'the-rewritten-half-is-out-of-reach',
  source: 'before 4121d4481b72 "bpf: Synchronize dispatcher update with bpf_dispatcher_xdp_func" (6.2)',
  plant({ text: { dispatcher } }) {
    dispatcher.readersHaveLeft = () => true;
  },
});

const publishedHalfRewritten = fault<World>({
  ...HERE,
  name: 'published-half-rewritten',
  story: 'The half that is published is written again instead of the other one.',
  breaks: 'the-dispatcher-serves-those-attached',
  alsoBreaks: ['text-holds-only-what-its-owner-wrote', 'the-rewritten-half-is-out-of-reach'],
  source: 'plausible: image_off is not toggled',
  plant({ text: { dispatcher } }) {
    dispatcher.nextHalf = () => dispatcher.currentHalf;
  },
});

const usersUncounted = fault<World>({
  ...HERE,
  name: 'dispatcher-users-uncounted',
  story: 'A program that is attached twice leaves the table with its first detachment.',
  breaks: 'the-dispatcher-serves-those-attached',
  alsoBreaks: ['text-holds-only-what-its-owner-wrote'],
  source: 'plausible: the reference count of a table entry is not taken',
  plant({ text: { dispatcher } }) {
    const { add } = dispatcher;
    dispatcher.add = (program) => {
      if (dispatcher.programs.items.some((entry) => entry.program === program)) return false;
      return add.call(dispatcher, program);
    };
  },
});

const headerlessImageFreed = fault<World>({
  ...HERE,
  kernel: '6.1',
  name: 'headerless-image-freed',
  story: 'No memory for the writable page: the image is freed by a size that nobody wrote into its first bytes.',
  breaks: 'chunks-are-busy-exactly-while-held',
  alsoBreaks: [
    'right-steps-raise-no-alarm',
    'text-memory-outlives-its-holders',
    'no-executable-memory-is-lost',
    'no-pack-stands-idle',
  ],
  source: 'what "bpf: Let bpf_prog_pack_free handle any pointer" (6.8) made impossible',
  plant({ text: { dispatcher, packs, memory } }) {
    dispatcher.freeImage = (image, cpu) => packs.free(image, memory.readWord(image, cpu) ?? 0, cpu);
  },
});

export const dispatcherFaults: readonly Fault<World>[] = [
  noGracePeriod,
  publishedHalfRewritten,
  usersUncounted,
  headerlessImageFreed,
];
