import { invariant } from '../../language/invariant.ts';
import type { FunctionText } from '../../model/bpf/life/bpf-program.ts';
import { describeText, pageOfText } from '../../model/kernel/text-address.ts';
import type { WholeWorld } from '../../model/whole-world.ts';
import { liveTexts } from './runs.ts';

const ENTRY_BYTES = 12;

/** Read from the text itself, as search_bpf_extables() reads it. */
export const exceptionEntriesLieInTheirProgram = invariant<WholeWorld>({
  name: 'exception-entries-lie-in-their-program',
  law: 'Every exception entry of a live program names an instruction inside it and goes on at an instruction inside it.',
  concerns: (world, { operation }) =>
    operation.name === 'bpf_prog_select_runtime' &&
    liveTexts(world).some(({ compiled }) => compiled.exceptionTable.length > 0),
  judgeStep(world, { taken }, violated) {
    for (const text of (taken.prog as { readonly texts: readonly FunctionText[] }).texts) {
      const { address, code, exceptionTable } = text.compiled;
      const table = address + ((code.length + 3) & ~3);
      for (let at = table; at < table + exceptionTable.length; at += ENTRY_BYTES) {
        const bytes = world.access.peek(pageOfText(at), at & 0xfff, ENTRY_BYTES);
        if (bytes === undefined) {
          violated(`the table at ${describeText(table)} is not there`);
          continue;
        }
        const words = new DataView(bytes.buffer, bytes.byteOffset);
        const instruction = at + words.getInt32(0, true);
        const next = instruction + (words.getInt32(4, true) & 0xff);
        const offset = instruction - address;
        if (offset < 0 || offset >= code.length)
          violated(`an entry names ${describeText(instruction)}, outside the program`);
        else if (next <= instruction || next > address + code.length)
          violated(`the entry of ${describeText(instruction)} goes on at ${describeText(next)}, outside the program`);
      }
    }
  },
});
