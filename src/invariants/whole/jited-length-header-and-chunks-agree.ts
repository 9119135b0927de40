import { invariant } from '../../language/invariant.ts';
import { describeText, pageOfText } from '../../model/kernel/text-address.ts';
import type { WholeWorld } from '../../model/whole-world.ts';
import { liveTexts } from './runs.ts';

const CHUNK = 64;

/** What bpf_jit_free() and the exception table search rely on. The arithmetic is that of include/linux/filter.h. */
export const jitedLengthHeaderAndChunksAgree = invariant<WholeWorld>({
  name: 'jited-length-header-and-chunks-agree',
  law: 'Of a live function the header holds the size that its code and table need, lies in front of it, and its chunks are taken.',
  judge(world, violated) {
    for (const { compiled, binary } of liveTexts(world)) {
      const { address, code, exceptionTable } = compiled;
      const length =
        ((code.length + 3) & ~3) * Math.sign(exceptionTable.length) + (exceptionTable.length || code.length);
      const due = Math.ceil((length + 8 + 16) / CHUNK) * CHUNK;
      const header = address & ~(CHUNK - 1);
      const found = world.access.peek(pageOfText(header), header & 0xfff, 4);
      const size = found === undefined ? undefined : new DataView(found.buffer, found.byteOffset).getUint32(0, true);
      const name = `the function at ${describeText(address)}`;
      if (size !== due && !isPadded(length, size))
        violated(`${name} of ${length} bytes has a header that says ${size}, not ${due}`);
      if (header !== binary.header || address - header < 8) violated(`${name} does not mask to its header`);
      const pack = world.text.packs.packs.items.find(
        ({ address: start, chunks }) => header >= start && header < start + CHUNK * chunks.length,
      );
      if (pack === undefined) {
        violated(`${name} lies in no pack`);
        continue;
      }
      const first = (header - pack.address) / CHUNK;
      for (let chunk = first; chunk < first + (size ?? 0) / CHUNK; chunk++) {
        if (!pack.chunks.has(chunk)) violated(`${name}: chunk ${chunk} of its pack is free`);
      }
    }
  },
});

/** The JIT asks for room up to a multiple of four behind the code even when no table stands there. */
const isPadded = (length: number, size: number | undefined): boolean =>
  size === Math.ceil((((length + 3) & ~3) + 8 + 16) / CHUNK) * CHUNK;
