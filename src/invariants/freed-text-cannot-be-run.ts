import { invariant } from '../language/invariant.ts';
import { describeText, pageOfText } from '../model/kernel/text-address.ts';
import { isExecutable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { selftestTexts } from './ghosts/selftest-texts.ts';

const PAGE = 4096;
const TRAP = 0xcc;

export const freedTextCannotBeRun = invariant<World>({
  name: 'freed-text-cannot-be-run',
  law: 'Where text was, there is nothing to run when it has been freed: no mapping, or traps in every byte.',
  ghosts: [selftestTexts],
  concerns: (world) => selftestTexts.of(world).freed !== undefined,
  judgeStep(world, _, violated) {
    const { address, size } = selftestTexts.of(world).freed!;
    const { access, machine } = world;
    for (let at = 0; at < size; ) {
      const offset = (address + at) & (PAGE - 1);
      const length = Math.min(PAGE - offset, size - at);
      const page = pageOfText(address + at);
      const there = machine.kernelTables.translate(page);
      const bytes = there === undefined ? undefined : access.peek(page, offset, length);
      const left = bytes?.findIndex((byte) => byte !== TRAP) ?? -1;
      if (there !== undefined && isExecutable(there.flags) && left >= 0) {
        violated(`the byte at ${describeText(address + at + left)} is 0x${bytes![left]!.toString(16)} and can be run`);
      }
      at += length;
    }
  },
});
