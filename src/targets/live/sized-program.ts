import { assert } from '../../base/assert.ts';
import { copy, exit, type LiveInstruction, loadWide, set } from './bpf-instruction.ts';

/**
 * Programs whose machine code is exactly so many bytes long. The JIT translates each instruction by itself, so lengths add
 * up: a move between registers is 3 bytes, a 32-bit one 2, a wide constant 10 (arch/x86/net/bpf_jit_comp.c). What frames
 * them depends on the machine's mitigations and is measured by the caller, as the length of the program that only exits.
 */
export function programOfLength(codeBytes: number, frameBytes: number): readonly LiveInstruction[] {
  const filling = codeBytes - frameBytes;
  // 1 is the only number that 2 and 3 do not add up to.
  assert(
    filling >= 0 && filling !== 1,
    `there is a program of ${codeBytes} bytes where the shortest has ${frameBytes}`,
  );
  const wide = Math.max(0, Math.floor((filling - 2) / WIDE_BYTES));
  const rest = filling - wide * WIDE_BYTES;
  const threes = rest % 2;
  const twos = (rest - 3 * threes) / 2;
  return [
    set(0, 0),
    ...Array.from({ length: wide }, () => loadWide(0, UNCOMPRESSED)).flat(),
    ...Array.from({ length: threes }, () => copy(0, 0)),
    ...Array.from({ length: twos }, () => HALF_COPY),
    exit(),
  ];
}

/** The longest program that {@link programOfLength} is asked for: 65,536 instruction slots, two for each wide constant. */
export const LONGEST_CODE_BYTES = 300_000;

const WIDE_BYTES = 10;
/** No shorter encoding holds it: neither its upper half nor its sign extension is empty. */
const UNCOMPRESSED = 0x1122_3344_5566_7788n;
/** `w0 = w0`: the low half onto itself. */
const HALF_COPY: LiveInstruction = { code: 0xbc, destination: 0, source: 0, offset: 0, immediate: 0 };
