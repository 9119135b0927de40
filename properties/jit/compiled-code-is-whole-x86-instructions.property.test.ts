import fc from 'fast-check';
import iced from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { Class, Jump } from '../../src/model/bpf/instruction.ts';
import { compile } from '../../src/model/bpf/jit/compile.ts';
import { cfiOffset } from '../../src/model/bpf/jit/machine.ts';
import type { CompiledFunction } from '../../src/model/bpf/jit/program.ts';
import { tailCallOffset } from '../../src/model/bpf/jit/tail-call.ts';
import { jumpDistance, validate } from '../../src/model/bpf/validate.ts';
import { IMAGE, instructions, machines, programOf } from './programs.ts';

interface Decoded {
  readonly offset: number;
  readonly end: number;
  readonly valid: boolean;
  /** Offset a jump inside the function goes to. */
  readonly target: number | undefined;
}

function decode(code: Uint8Array): Decoded[] {
  const decoder = new iced.Decoder(64, code, iced.DecoderOptions.None);
  const found: Decoded[] = [];
  while (decoder.canDecode) {
    const x86 = decoder.decode();
    const jump = x86.isJccShortOrNear || x86.isJmpShortOrNear;
    const end = Number(x86.nextIP);
    found.push({
      offset: end - x86.length,
      end,
      valid: !x86.isInvalid,
      target: jump ? Number(x86.nearBranchTarget) : undefined,
    });
    x86.free();
  }
  decoder.free();
  return found;
}

const onlyFunction = (result: ReturnType<typeof compile>): CompiledFunction => {
  if (result.kind === 'refused') throw new Error(result.reason);
  return result.functions[0]!;
};

describe('compiled code', () => {
  it('decodes into whole instructions that begin where the line map says', () => {
    fc.assert(
      fc.property(instructions(), machines, (slots, machine) => {
        expect(validate(slots)).toEqual([]);
        const { code, lineMap } = onlyFunction(compile(programOf(slots), machine, () => IMAGE));
        const x86 = decode(code);
        expect(x86.every(({ valid }) => valid)).toBe(true);
        const boundaries = new Set(x86.flatMap(({ offset, end }) => [offset, end]));
        slots.forEach((slot, i) => {
          if (slot.opcode !== 0) expect(boundaries).toContain(lineMap[i]);
        });
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  it('jumps to where its BPF jumps go', () => {
    fc.assert(
      fc.property(instructions(120), machines, (slots, machine) => {
        const { code, lineMap } = onlyFunction(compile(programOf(slots), machine, () => IMAGE));
        const x86 = decode(code);
        slots.forEach((slot, i) => {
          const distance = slot.opcode === 0 ? undefined : jumpDistance(slot);
          if (distance === undefined) return;
          const [start, end, target] = [lineMap[i]!, lineMap[i + 1]!, lineMap[i + 1 + distance]!];
          const jump = x86.find((at) => at.end === end && at.offset >= start);
          const elided = slot.opcode === (Class.JMP | Jump.JA) && target === end;
          expect(elided || jump?.target === target).toBe(true);
        });
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it('has an instruction boundary where tail calls enter, behind the set-up of the frame', () => {
    fc.assert(
      fc.property(instructions(3), machines, fc.boolean(), (slots, machine, tailCallReachable) => {
        const { code } = onlyFunction(compile(programOf(slots, { tailCallReachable }), machine, () => IMAGE));
        const entry = cfiOffset(machine) + tailCallOffset(machine);
        const boundaries = decode(code).map(({ offset }) => offset);
        expect(boundaries).toContain(entry);
        expect([...code.subarray(entry - 3, entry)]).toEqual([0x48, 0x89, 0xe5]);
      }),
      { seed: 8 },
    );
  });
});
