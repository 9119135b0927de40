import iced from 'iced-x86';

/** One x86 instruction of some machine code. */
export interface DisassembledInstruction {
  /** Where it begins, in bytes from the start of the code. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** In Intel's syntax; targets of jumps and calls are absolute addresses. */
  readonly text: string;
}

/** Machine code as people read it. The disassembler is not our decoder, so a mistake of the model shows. */
export function disassemble(code: Uint8Array, address: bigint): readonly DisassembledInstruction[] {
  const decoder = new iced.Decoder(64, code, iced.DecoderOptions.None);
  const formatter = new iced.Formatter(iced.FormatterSyntax.Nasm);
  const found: DisassembledInstruction[] = [];
  decoder.ip = address;
  while (decoder.canDecode) {
    const offset = decoder.position;
    const instruction = decoder.decode();
    found.push({ offset, bytes: code.subarray(offset, decoder.position), text: formatter.format(instruction) });
    instruction.free();
  }
  formatter.free();
  decoder.free();
  return found;
}
