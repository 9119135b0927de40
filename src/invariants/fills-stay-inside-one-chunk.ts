import { invariant } from '../language/invariant.ts';
import { Refusal } from '../language/operation.ts';
import { describeText, type TextAddress } from '../model/kernel/text-address.ts';
import { Frame } from '../model/machine/frame.ts';
import type { World } from '../model/world.ts';
import { sharedTextAccount } from './ghosts/shared-text-account.ts';

/** What writes into chunks: execmem_fill(), its lookup, vmalloc_text_copy(). */
const FILLS = new Set(['execmem_fill', 'execmem_fill_lookup', 'vmalloc_text_copy']);

/** Interior addresses, the exact end and length 0 are inside; one byte more is refused, and then not a byte is written. */
export const fillsStayInsideOneChunk = invariant<World>({
  name: 'fills-stay-inside-one-chunk',
  law: 'A fill is done exactly when all its bytes lie in one chunk that somebody holds; otherwise it is refused and writes nothing.',
  ghosts: [sharedTextAccount],
  concerns: (_, { operation }) => FILLS.has(operation.name),
  judgeStep(world, { taken, returned, changes }, violated) {
    const { address } = (taken.chunk ?? taken.vtext) as { readonly address: TextAddress };
    const first = address + (taken.at as number);
    const length = taken.length as number;
    const holder = sharedTextAccount.of(world).held.at(first);
    const isInside = holder !== undefined && first + length <= holder.end;
    const refused = returned instanceof Refusal;
    const asked = `${length} bytes at ${describeText(first)}`;
    if (isInside && refused) violated(`${asked} lie in one chunk, and the fill was refused`);
    if (!isInside && !refused) violated(`${asked} do not lie in one chunk, and the fill was let through`);
    if (refused && changes.of(Frame).length > 0) violated(`the fill of ${asked} was refused and wrote all the same`);
  },
});
