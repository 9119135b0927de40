import { JournaledArray } from '../base/journal.ts';
import { type Occurrence, required, sometimes } from '../language/occurrence.ts';
import { Refusal } from '../language/operation.ts';
import type { World } from '../model/world.ts';

/** What runs over program packs should meet. The shares are about half of what was measured over a thousand runs. */
export const packOccurrences: readonly Occurrence<World>[] = [
  required(0.15, {
    name: 'a-free-empties-a-pack',
    says: 'A free gives a pack back because nothing is left in it.',
    after: ['bpf_jit_binary_pack_free', 'bpf_jit_free', 'bpf_prog_pack_free', 'bpf_tramp_image_free'],
    happens: ({ text: { packs } }, { changes }) =>
      changes.of(JournaledArray).some((list: unknown) => list === packs.packs),
  }),
  required(0.01, {
    name: 'several-packs-stand',
    says: 'What is asked for needs a second pack.',
    happens: ({ text }) => text.packs.packs.items.length > 1,
  }),
  sometimes({
    name: 'the-jit-limit-refuses',
    says: 'An allocation is refused because the limit is reached.',
    after: ['bpf_jit_binary_pack_alloc'],
    happens: (_, { returned }) => returned instanceof Refusal,
  }),
];
