import { describeText, pageOfText } from '../model/kernel/text-address.ts';
import { describeFlags, isExecutable, isPresent, isWritable } from '../model/machine/page-table-entry.ts';
import { aboutHandedOutText } from './about-handed-out-text.ts';

/** Whoever finds a pack on the list pokes into it and runs what is there: nothing of its making may still be to come. */
export const packsAreFinishedWhenListed = aboutHandedOutText({
  name: 'packs-are-finished-when-listed',
  law: 'Memory that text is handed out from is read-only and executable throughout, and read-only in the direct map too.',
  judge({ machine, directMap }, { owner, block, inNewBlock }, violated) {
    if (!inNewBlock || owner.kind === 'pages') return;
    const firstPage = pageOfText(block.address);
    for (const [index, frame] of block.frames.entries()) {
      const text = machine.kernelTables.leaf(firstPage + index)?.flags ?? 0;
      const alias = machine.kernelTables.leaf(directMap.pageOf(frame))?.flags ?? 0;
      if (isPresent(text) && !isWritable(text) && isExecutable(text) && !isWritable(alias)) continue;
      const where = `page ${index} of the memory at ${describeText(block.address)}`;
      violated(`${where} is ${describeFlags(text)}, and ${describeFlags(alias)} in the direct map`);
      return;
    }
  },
});
