import { invariant } from '../language/invariant.ts';
import { Refusal } from '../language/operation.ts';
import type { Binary } from '../model/kernel/binary-pack.ts';
import type { World } from '../model/world.ts';

/** One copy moves header and image together, so displacements that were computed for the text stay right. */
export const imagesStartAlike = invariant<World>({
  name: 'images-start-alike-in-text-and-buffer',
  law: 'The image begins at the same offset in the text and in the RW buffer, at a multiple of its alignment after the header.',
  concerns: (_, { operation, returned }) =>
    operation.name === 'bpf_jit_binary_pack_alloc' && !(returned instanceof Refusal),
  judgeStep(_, { taken, returned }, violated) {
    const { image, header, bufferOffset } = returned as Binary;
    const align = taken.align as number;
    const offset = image - header;
    if (offset !== bufferOffset) violated(`offset ${offset} in the text, ${bufferOffset} in the buffer`);
    if ((offset - 8) % align !== 0)
      violated(`the image begins ${offset - 8} bytes after the header, aligned to ${align}`);
  },
});
