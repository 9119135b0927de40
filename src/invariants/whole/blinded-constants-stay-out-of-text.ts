import { hex } from '../../base/word.ts';
import { invariant } from '../../language/invariant.ts';
import type { BpfProgram } from '../../model/bpf/life/bpf-program.ts';
import type { WholeWorld } from '../../model/whole-world.ts';

const { LD_IMM64, MOV_K, ST } = { LD_IMM64: 0x18, MOV_K: 0xb0, ST: 2 };

/**
 * Judged by constants that do not turn up by chance: those of at least three bytes. Loads of maps and functions, shifts, calls
 * and jumps have immediates that the author does not choose.
 */
export const blindedConstantsStayOutOfText = invariant<WholeWorld>({
  name: 'blinded-constants-stay-out-of-text',
  law: 'No constant of a program that was loaded with blinding stands in its machine code.',
  concerns: (_, { operation, taken }) =>
    operation.name === 'bpf_prog_select_runtime' && (taken.prog as BpfProgram).blinded,
  judgeStep(_, { taken }, violated) {
    const { author, texts } = taken.prog as BpfProgram;
    for (const [index, { opcode, src, immediate }] of author.entries()) {
      const isStore = (opcode & 7) === ST;
      const isMove = (opcode & 0xf7) === (MOV_K | 4) || (opcode & 0xff) === (MOV_K | 7);
      const isLoad = opcode === LD_IMM64 && src === 0;
      if ((!isStore && !isMove && !isLoad) || isCommon(immediate)) continue;
      const size = isStore ? [4, 2, 1, 4][(opcode >> 3) & 3]! : 4;
      if (size < 4) continue;
      for (const { compiled } of texts) {
        if (holds(compiled.code, immediate))
          violated(`${hex(immediate >>> 0)} of instruction ${index} stands in the code`);
      }
    }
  },
});

/** VSYSCALL_ADDR, which stands in the checks of probing loads. */
const VSYSCALL = 0xff60_0000 | 0;

/** Small numbers of either sign, and those that are only one bit, stand in any code. */
const isCommon = (immediate: number): boolean => {
  const magnitude = Math.abs(immediate);
  return (
    immediate === VSYSCALL ||
    magnitude < 0x10_0000 ||
    (magnitude & (magnitude - 1)) === 0 ||
    (magnitude & (magnitude + 1)) === 0
  );
};

function holds(code: Uint8Array, word: number): boolean {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  for (let at = 0; at + 4 <= code.length; at++) if (view.getInt32(at, true) === word) return true;
  return false;
}
