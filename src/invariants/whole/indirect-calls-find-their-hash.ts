import { hex } from '../../base/word.ts';
import { invariant } from '../../language/invariant.ts';
import { describeText, pageOfText } from '../../model/kernel/text-address.ts';
import type { WholeWorld } from '../../model/whole-world.ts';

/** What clang's kCFI check in front of every indirect call reads: the constant of a mov that is never executed. */
const HASH_DISTANCE = 15;
const HASH_BYTES = 4;

export const indirectCallsFindTheirHash = invariant<WholeWorld>({
  name: 'indirect-calls-find-their-hash',
  law: 'In front of the entry of every live program stands the hash of the type that the kernel calls it by.',
  judge(world, violated) {
    for (const { state, texts } of world.programs.all.items) {
      if (state !== 'live') continue;
      const entry = texts[0]!.compiled.address + ENTRY_OFFSET;
      const at = entry - HASH_DISTANCE;
      const bytes = world.access.peek(pageOfText(at), at & 0xfff, HASH_BYTES);
      const found = bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
      const due = world.mainHash;
      if (found !== due)
        violated(`a caller of ${describeText(entry)} finds ${hex(found ?? 0)} and expects ${hex(due)}`);
    }
  },
});

/** cfi_get_offset() with CONFIG_CALL_PADDING: where callers enter, from the beginning of the image. */
const ENTRY_OFFSET = 16;
