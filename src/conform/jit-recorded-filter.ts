/**
 * A recorded classic filter as the JIT was given it. The recording holds the filter, not its translation, and neither the
 * addresses of the helpers that load packet bytes nor, for the host kernel, the layout of struct sk_buff. These operands are
 * read from the recorded code, at the places where the model's own translation of the same filter has them; all else is
 * compared.
 */

import { decodeClassic, translateClassic } from '../model/bpf/classic.ts';
import type { PacketAccess } from '../model/bpf/classic-packet.ts';
import { Class, encodeInstructions, FRAME_POINTER, type Instruction, Jump } from '../model/bpf/instruction.ts';
import { compile } from '../model/bpf/jit/compile.ts';
import { type JitMachine, type KernelAddress, kernelAddress } from '../model/bpf/jit/machine.ts';
import type { JitProgram } from '../model/bpf/jit/program.ts';
import type { JitMeta, JitRecord } from './jit-record.ts';
import { NO_FRAME } from './jit-recorded-program.ts';

export function recordedFilter(record: JitRecord, machine: JitMachine, meta: JitMeta): JitProgram {
  const guess = guessedAccess(meta);
  const draft = filterProgram(record, guess);
  const address = kernelAddress(record.funcs[0]!.addr);
  const result = compile(draft.program, machine, () => address);
  if (result.kind === 'refused') return draft.program;
  const { lineMap } = result.functions[0]!;
  return filterProgram(record, readAccess(record, draft.instructions, lineMap, address, machine, guess)).program;
}

/** Where struct sk_buff of the recorded kernel has what filters read, in bytes. */
export type PacketLayout = Omit<PacketAccess, 'loadHelpers'>;

/** The host's companion has no sk_buff; its programs show these offsets. */
export function packetLayout({ struct_offsets: offsets }: JitMeta): PacketLayout {
  const known = (name: string, otherwise: number) => Number(offsets[`sk_buff.${name}`] ?? otherwise);
  return {
    dataOffset: known('data', 200),
    lengthOffset: known('len', 112),
    fragmentLengthOffset: known('data_len', 116),
  };
}

/** Any distinct numbers stand for the helpers; an address is encoded in as many bytes whatever it is. */
const guessedAccess = (meta: JitMeta): PacketAccess => ({
  ...packetLayout(meta),
  loadHelpers: { byte: 1, half: 2, word: 3 },
});

function readAccess(
  record: JitRecord,
  instructions: readonly Instruction[],
  lineMap: Int32Array,
  address: KernelAddress,
  machine: JitMachine,
  guess: PacketAccess,
): PacketAccess {
  const view = new DataView(record.jited.buffer, record.jited.byteOffset, record.jited.byteLength);
  const seen = { ...guess, loadHelpers: { ...guess.loadHelpers } };
  for (const [slot, { opcode, src, offset, immediate }] of instructions.entries()) {
    const end = lineMap[slot + 1]!;
    if (end > record.jited.length) break;
    if (opcode === (Class.JMP | Jump.CALL)) {
      const target = address + end + view.getInt32(end - 4, true) - machine.callBase;
      if (immediate === guess.loadHelpers.byte) seen.loadHelpers.byte = target;
      else if (immediate === guess.loadHelpers.half) seen.loadHelpers.half = target;
      else seen.loadHelpers.word = target;
    } else if ((opcode & 7) === Class.LDX && src !== FRAME_POINTER) {
      if (offset === guess.dataOffset) seen.dataOffset = view.getInt32(end - 4, true);
      else if (offset === guess.lengthOffset) seen.lengthOffset = view.getInt8(end - 1);
      else if (offset === guess.fragmentLengthOffset) seen.fragmentLengthOffset = view.getInt8(end - 1);
    }
  }
  return seen;
}

function filterProgram(
  record: JitRecord,
  access: PacketAccess,
): { program: JitProgram; instructions: readonly Instruction[] } {
  const filter = decodeClassic(record.insns);
  const translated = filter === undefined ? undefined : translateClassic(filter, access);
  const instructions = translated?.instructions ?? [];
  const fn = { ...NO_FRAME, code: encodeInstructions(instructions), stackDepth: translated?.stackDepth ?? 0 };
  return {
    program: { functions: [fn], arena: undefined, blinding: undefined, wasClassic: true, loaderIsAdmin: true },
    instructions,
  };
}
