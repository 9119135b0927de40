import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JitRecord, readJitRecord } from '../../src/conform/jit-record.ts';
import {
  decodeInstructions,
  encodeInstructions,
  type Instruction,
  instruction,
} from '../../src/model/bpf/instruction.ts';
import { blindConstants } from '../../src/model/bpf/jit/blinding.ts';
import { compile } from '../../src/model/bpf/jit/compile.ts';
import { JIT_BEHAVIOUR, jitKernelOf } from '../../src/model/bpf/jit/profile.ts';
import { jumpDistance, validate } from '../../src/model/bpf/validate.ts';
import { IMAGE, instructions, machines, programOf } from './programs.ts';
import { readRecording } from './recordings.ts';

const behaviour = JIT_BEHAVIOUR['6.18'];

/** The random halves of recorded blinded slots: what is exclusive-ored into the auxiliary register. */
const recordedRandoms = (slots: readonly Instruction[], aux: number): number[] =>
  slots.filter(({ opcode, dst }) => (opcode & ~3) === 0xa4 && dst === aux).map(({ immediate }) => immediate);

/** Blinded programs of one function in which the verifier rewrote nothing else. */
function blindedRecords(name: string): JitRecord[] {
  const records = readRecording(name).lines.map((line) => readJitRecord(line, 1));
  return records.filter(
    ({ cls, funcs, xlated, jit_in }) =>
      cls === 'blind' && funcs.length === 1 && xlated instanceof Uint8Array && jit_in === undefined,
  );
}

describe('constant blinding', () => {
  it.each(['jit-6.18.jsonl.gz', 'kernels/jit-6.1.192-its.jsonl.gz', 'kernels/jit-7.3.4-its.jsonl.gz'])(
    'rewrites programs as real kernels did, given their random numbers: %s',
    (name) => {
      const records = blindedRecords(name);
      expect(records.length).toBeGreaterThan(50);
      for (const { kernel, insns, xlated } of records) {
        const recorded = JIT_BEHAVIOUR[jitKernelOf(kernel)!];
        const randoms = recordedRandoms(decodeInstructions(xlated as Uint8Array)!, recorded.auxiliaryRegister);
        const { instructions: blinded } = blindConstants(decodeInstructions(insns)!, recorded, () => randoms.shift()!);
        expect(encodeInstructions(blinded)).toEqual(Uint8Array.from(xlated as Uint8Array));
      }
    },
  );

  it('leaves well-formed programs well-formed and jumps aimed at the same instructions', () => {
    fc.assert(
      fc.property(
        instructions(),
        fc.infiniteStream(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
        (program, randoms) => {
          const { instructions: blinded, slots } = blindConstants(program, behaviour, () => randoms.next().value);
          expect(validate(blinded, { verified: true })).toEqual([]);
          program.forEach((slot, i) => {
            const distance = slot.opcode === 0 ? undefined : jumpDistance(slot);
            if (distance === undefined) return;
            const last = slots[i + 1]! - 1;
            expect(last + 1 + jumpDistance(blinded[last]!)!).toBe(slots[i + 1 + distance]);
          });
        },
      ),
      { seed: 9 },
    );
  });

  it('leaves nothing to blind', () => {
    fc.assert(
      fc.property(instructions(), (program) => {
        const once = blindConstants(program, behaviour, () => 0x5eed).instructions;
        const wideLoads = once.filter(({ opcode }) => opcode === 0x18);
        expect(wideLoads).toEqual([]);
        const again = blindConstants(once, behaviour, () => {
          throw new Error('a constant was left');
        });
        expect(again.instructions).toEqual(once);
      }),
      { seed: 10 },
    );
  });

  it('keeps chosen bytes out of the machine code, and the line map to the slots that were given', () => {
    const chosen = fc.integer({ min: 0x10000000, max: 0x7fffffff });
    const random = fc.infiniteStream(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
    fc.assert(
      fc.property(
        chosen,
        fc.constantFrom(0x07, 0x47, 0xb7, 0xa4, 0x55),
        machines,
        random,
        (value, opcode, machine, randoms) => {
          const slots = [instruction(opcode, { dst: 1, immediate: value }), instruction(0x95)];
          const lengthAndSight = (blinding: (() => number) | undefined) => {
            const result = compile({ ...programOf(slots), blinding }, machine, () => IMAGE);
            if (result.kind === 'refused') throw new Error(result.reason);
            const { code, lineMap } = result.functions[0]!;
            const bytes = Buffer.alloc(4);
            bytes.writeInt32LE(value);
            return { slots: lineMap.length - 1, seen: Buffer.from(code).includes(bytes) };
          };
          expect(lengthAndSight(undefined)).toEqual({ slots: 2, seen: true });
          expect(lengthAndSight(() => randoms.next().value)).toEqual({ slots: 2, seen: false });
        },
      ),
      { seed: 13 },
    );
  });
});
