import { invariant } from '../language/invariant.ts';
import type { Binary } from '../model/kernel/binary-pack.ts';
import { describeText, pageOfText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { programSize } from './ghosts/program-text-events.ts';
import { textOwners } from './ghosts/text-owners.ts';

const FINALIZING = new Set(['bpf_jit_binary_pack_finalize', 'dev_xdp_install']);

/** The header is all that bpf_jit_free() has: it finds it by masking the function's address, and frees what it says. */
export const headersHoldTheAllocatedSize = invariant<World>({
  name: 'headers-hold-the-allocated-size',
  law: 'After finalize a program’s header holds its rounded size, and lies in the chunk in which the image begins.',
  ghosts: [dispatcherTable, textOwners],
  concerns: (_, { operation, taken, returned }) =>
    FINALIZING.has(operation.name) && binaryOf(taken, returned)?.state === 'live',
  judgeStep({ machine }, { taken, returned }, violated) {
    const { header, image, length } = binaryOf(taken, returned)!;
    const found = machine.kernelTables.translate(pageOfText(header));
    const size = found && machine.memory.frame(found.frame).word((header & 4095) / 4);
    const due = programSize(length);
    if (size !== due) violated(`the header at ${describeText(header)} holds ${size}, the allocation is ${due}`);
    const offset = image - header;
    if ((image & ~63) !== header)
      violated(`${describeText(image)} does not mask to its header ${describeText(header)}`);
    if (offset < 8 || offset > 63) violated(`the image begins ${offset} bytes after its header`);
  },
});

function binaryOf(taken: Readonly<Record<string, unknown>>, returned: unknown): Binary | undefined {
  return (taken.prog ?? (returned as Partial<Binary>)) as Binary | undefined;
}
