import fc from 'fast-check';
import iced from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { decode } from '../../src/model/machine/cpu/decode.ts';
import { type Decoded, HIGH_BYTE, MEMORY, NONE, RIP } from '../../src/model/machine/cpu/decoded.ts';
import { ROWS } from '../../src/model/machine/cpu/opcode-map.ts';
import { REGISTERS } from '../../src/model/machine/cpu/register-file.ts';

const { Code, Decoder, DecoderOptions, Mnemonic, OpKind, Register } = iced;

/** Where iced names one instruction otherwise than the opcode map, which has one row for several of its mnemonics. */
const SYNONYMS: { readonly [ours: string]: readonly string[] } = {
  nop: ['nop', 'endbr64', 'endbr32', 'reservednop'],
};

/** Bytes that look like the subset: some prefixes, an opcode of the map, then anything. */
const encodings = fc
  .record({
    prefixes: fc.array(fc.constantFrom(0x66, 0xf0, 0xf3, 0x65, 0x2e), { maxLength: 2 }),
    rex: fc.option(fc.integer({ min: 0x40, max: 0x4f }), { nil: undefined }),
    row: fc.constantFrom(...ROWS),
    low: fc.integer({ min: 0, max: 7 }),
    rest: fc.uint8Array({ minLength: 14, maxLength: 14 }),
  })
  .map(({ prefixes, rex, row, low, rest }) => {
    const opcode = opcodeBytes(row.encoding, low);
    const tail = [...rest];
    const digit = /\/(\d)/.exec(row.encoding)?.[1];
    if (digit !== undefined) tail[0] = (tail[0]! & 0xc7) | (Number(digit) << 3);
    const demanded = row.repeat === true ? [0xf3] : [];
    return Uint8Array.from(
      [...demanded, ...prefixes, ...(rex === undefined ? [] : [rex]), ...opcode, ...tail].slice(0, 15),
    );
  });

function opcodeBytes(encoding: string, low: number): number[] {
  const bytes: number[] = [];
  for (const part of encoding.split(' ')) {
    const [, hexadecimal, inOpcode] = /^([0-9a-f]{2})(\+r)?$/.exec(part) ?? [];
    if (hexadecimal !== undefined) bytes.push(Number.parseInt(hexadecimal, 16) + (inOpcode === undefined ? 0 : low));
  }
  return bytes;
}

const vexShifts = fc
  .record({
    second: fc.integer({ min: 0, max: 7 }),
    third: fc.nat(255),
    rest: fc.uint8Array({ minLength: 11, maxLength: 11 }),
  })
  .map(({ second, third, rest }) => Uint8Array.from([0xc4, (second << 5) | 2, third, 0xf7, ...rest]));

const anything = fc.uint8Array({ minLength: 15, maxLength: 15 });

describe('the decoder', () => {
  it('gives the length, mnemonic and operands iced gives for every instruction it accepts', () => {
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.oneof({ weight: 8, arbitrary: encodings }, { weight: 1, arbitrary: vexShifts }, anything),
        (bytes) => {
          const ours = decode(new DataView(bytes.buffer), 0, bytes.length);
          if (typeof ours === 'string') return;
          accepted++;
          expect(describeOurs(ours)).toEqual(describeTheirs(bytes, ours));
        },
      ),
      { seed: 20240101, numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(8_000);
  });

  it('accepts every row of the opcode map in its plain form', () => {
    for (const row of ROWS) {
      const digit = Number(/\/(\d)/.exec(row.encoding)?.[1] ?? 0);
      const modrm = (row.rm === 'memory' ? 0x40 : 0xc0) | (digit << 3) | (row.encoding === '0f 1e /7' ? 2 : 0);
      const bytes = Uint8Array.from([
        ...(row.repeat === true ? [0xf3] : []),
        ...opcodeBytes(row.encoding, 0),
        ...(row.encoding.includes('/') ? [modrm] : []),
        ...new Array(8).fill(0x12),
      ]);
      const ours = decode(new DataView(bytes.buffer), 0, bytes.length);
      expect(ours, row.encoding).toMatchObject({ name: row.name });
    }
  });

  it('sees that bytes end too early, wherever they are cut', () => {
    fc.assert(
      fc.property(encodings, fc.nat(14), (bytes, cut) => {
        const view = new DataView(bytes.buffer);
        const whole = decode(view, 0, bytes.length);
        if (typeof whole === 'string') return;
        expect(decode(view, 0, Math.min(cut, whole.length - 1))).toBe('truncated');
      }),
      { seed: 7, numRuns: 5_000 },
    );
  });
});

interface Description {
  readonly length: number;
  readonly name: string;
  readonly operands: readonly string[];
  readonly lock: boolean;
}

function describeTheirs(bytes: Uint8Array, ours: Decoded): Description {
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  const instruction = decoder.decode();
  try {
    if (instruction.code === Code.INVALID) return { length: 0, name: 'invalid', operands: [], lock: false };
    const name = Mnemonic[instruction.mnemonic]!.toLowerCase();
    const synonym = SYNONYMS[ours.name]?.includes(name) ? ours.name : name;
    // nops have operands that mean nothing, and a relative operand is compared by its target.
    const count = ours.form === 'none' ? 0 : instruction.opCount;
    const operands = Array.from({ length: count }, (_, index) => theirOperand(instruction, index, ours));
    return { length: instruction.length, name: synonym, operands, lock: instruction.hasLockPrefix };
  } finally {
    instruction.free();
    decoder.free();
  }
}

function theirOperand(instruction: iced.Instruction, index: number, ours: Decoded): string {
  const kind = instruction.opKind(index);
  switch (kind) {
    case OpKind.Register:
      return Register[instruction.opRegister(index)]!.toLowerCase();
    case OpKind.Memory: {
      const base = instruction.memoryBase === Register.None ? '' : Register[instruction.memoryBase]!.toLowerCase();
      const scaled = instruction.memoryIndex === Register.None ? '' : Register[instruction.memoryIndex]!.toLowerCase();
      const scale = scaled === '' ? '' : `*${instruction.memoryIndexScale}`;
      const displacement =
        base === 'rip'
          ? BigInt.asIntN(64, instruction.memoryDisplacement - BigInt(instruction.length))
          : instruction.memoryDisplacement;
      const segment = instruction.segmentPrefix === Register.GS ? 'gs:' : '';
      return `${segment}[${base}+${scaled}${scale}+${BigInt.asUintN(64, displacement)}]`;
    }
    case OpKind.NearBranch64:
      return `to ${BigInt.asUintN(64, instruction.nearBranch64)}`;
    default:
      return `${BigInt.asUintN(immediateBits(ours), instruction.immediate(index))}`;
  }
}

function describeOurs(decoded: Decoded): Description {
  return { length: decoded.length, name: decoded.name, operands: ourOperands(decoded), lock: decoded.lock };
}

function ourOperands(decoded: Decoded): string[] {
  const { form, width, sourceWidth } = decoded;
  const rm = decoded.rm === MEMORY ? memoryText(decoded) : registerText(decoded.rm, sourceWidth);
  const register = registerText(decoded.register, width);
  switch (form) {
    case 'none':
      return [];
    case 'rm':
      return [rm];
    case 'rm, register':
      return [rm, register];
    case 'register, rm':
      return [register, rm];
    case 'rm, immediate':
      return [rm, immediateText(decoded)];
    case 'register, rm, immediate':
      return [register, rm, immediateText(decoded)];
    case 'register, rm, register':
      return [register, rm, registerText(decoded.vvvv, width)];
    case 'rm, cl':
      return [rm, 'cl'];
    case 'relative':
      return [`to ${BigInt.asUintN(64, BigInt(decoded.length + decoded.immediate![0]!))}`];
  }
}

function immediateText(decoded: Decoded): string {
  const { immediate } = decoded;
  const value = (BigInt(immediate![1]!) << 32n) | BigInt(immediate![0]! >>> 0);
  return `${BigInt.asUintN(immediateBits(decoded), value)}`;
}

/** Bits of an immediate that mean something: those of the operand, or of a byte for a shift count. */
function immediateBits({ width, name }: Decoded): number {
  return ['rol', 'ror', 'shl', 'shr', 'sar'].includes(name) ? 8 : width;
}

function memoryText({ base, index, scaleShift, displacement, gs }: Decoded): string {
  const baseText = base === RIP ? 'rip' : base === NONE ? '' : REGISTERS[base]!;
  const indexText = index === NONE ? '' : `${REGISTERS[index]!}*${1 << scaleShift}`;
  return `${gs ? 'gs:' : ''}[${baseText}+${indexText}+${BigInt.asUintN(64, BigInt(displacement))}]`;
}

function registerText(register: number, width: number): string {
  if (register >= HIGH_BYTE) return ['ah', 'ch', 'dh', 'bh'][register - HIGH_BYTE]!;
  const name = REGISTERS[register]!;
  if (width === 64) return name;
  if (register >= 8) return `${name}${width === 32 ? 'd' : width === 16 ? 'w' : 'l'}`;
  const stem = name.slice(1);
  if (width === 32) return `e${stem}`;
  if (width === 16) return stem;
  return stem.endsWith('x') ? `${stem[0]}l` : `${stem}l`;
}
