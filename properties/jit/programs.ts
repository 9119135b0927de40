/** Programs as fast-check draws them: well-formed, every jump inside the program, not necessarily safe. */
import fc from 'fast-check';
import {
  Atomic,
  Class,
  encodeInstructions,
  type Instruction,
  instruction,
  Jump,
  Mode,
  Operation,
  Size,
  Source,
  wideLoad,
} from '../../src/model/bpf/instruction.ts';
import { type JitMachine, kernelAddress } from '../../src/model/bpf/jit/machine.ts';
import { MITIGATION_SETS, type MitigationSet, machineWith } from '../../src/model/bpf/jit/mitigations.ts';
import { JIT_BEHAVIOUR, type JitKernel } from '../../src/model/bpf/jit/profile.ts';
import type { JitFunction, JitProgram } from '../../src/model/bpf/jit/program.ts';

const register = fc.integer({ min: 0, max: 9 });
const base = fc.integer({ min: 0, max: 10 });
const immediate = fc.oneof(
  fc.constantFrom(0, 1, -1, 127, 128, -128, -129),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
);
const offset = fc.oneof(fc.constantFrom(0, 127, 128, -128, -129), fc.integer({ min: -0x8000, max: 0x7fff }));
const width = fc.constantFrom(Class.ALU, Class.ALU64);
const size = fc.constantFrom(Size.B, Size.H, Size.W, Size.DW);
const wordSize = fc.constantFrom(Size.W, Size.DW);

const { ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, MOD, XOR, MOV, ARSH, END } = Operation;
const shifts: readonly number[] = [LSH, RSH, ARSH];
const plain = fc.constantFrom(ADD, SUB, MUL, OR, AND, LSH, RSH, XOR, MOV, ARSH);

const arithmetic = fc.oneof(
  fc
    .record({ width, plain, dst: register, src: register })
    .map(({ width, plain, dst, src }) => instruction(width | plain | Source.X, { dst, src })),
  fc
    .record({ width, plain, dst: register, immediate })
    .map(({ width, plain, dst, immediate }) =>
      instruction(width | plain, { dst, immediate: shifts.includes(plain) ? immediate & 31 : immediate }),
    ),
  fc.record({ width, dst: register }).map(({ width, dst }) => instruction(width | NEG, { dst })),
  fc
    .record({
      width,
      operation: fc.constantFrom(DIV, MOD),
      signed: fc.constantFrom(0, 1),
      dst: register,
      src: register,
    })
    .map(({ width, operation, signed, dst, src }) =>
      instruction(width | operation | Source.X, { dst, src, offset: signed }),
    ),
  fc
    .record({
      opcode: fc.constantFrom(Class.ALU | END, Class.ALU | END | Source.X, Class.ALU64 | END),
      dst: register,
      bits: fc.constantFrom(16, 32, 64),
    })
    .map(({ opcode, dst, bits }) => instruction(opcode, { dst, immediate: bits })),
  fc
    .record({ width, dst: register, src: register, bits: fc.constantFrom(8, 16) })
    .map(({ width, dst, src, bits }) => instruction(width | MOV | Source.X, { dst, src, offset: bits })),
);

const memory = fc.oneof(
  fc
    .record({ size, dst: register, src: base, offset })
    .map(({ size, ...fields }) => instruction(Class.LDX | Mode.MEM | size, fields)),
  fc
    .record({ size, dst: base, src: register, offset })
    .map(({ size, ...fields }) => instruction(Class.STX | Mode.MEM | size, fields)),
  fc
    .record({ size, dst: base, offset, immediate })
    .map(({ size, ...fields }) => instruction(Class.ST | Mode.MEM | size, fields)),
  fc
    .record({
      wordSize,
      dst: base,
      src: register,
      offset,
      immediate: fc.constantFrom<number>(
        ADD,
        OR,
        AND,
        XOR,
        ADD | 1,
        OR | 1,
        AND | 1,
        XOR | 1,
        Atomic.XCHG,
        Atomic.CMPXCHG,
      ),
    })
    .map(({ wordSize, ...fields }) => instruction(Class.STX | Mode.ATOMIC | wordSize, fields)),
);

const { JEQ, JGT, JGE, JSET, JNE, JSGT, JSGE, JLT, JLE, JSLT, JSLE } = Jump;
const comparison = fc.constantFrom(JEQ, JGT, JGE, JSET, JNE, JSGT, JSGE, JLT, JLE, JSLT, JSLE);
const conditional = fc
  .record({
    class: fc.constantFrom(Class.JMP, Class.JMP32),
    comparison,
    source: fc.constantFrom(Source.K, Source.X),
    dst: register,
    src: register,
    immediate,
  })
  .map(({ class: class_, comparison, source, dst, src, immediate }) =>
    instruction(class_ | comparison | source, source === Source.X ? { dst, src } : { dst, immediate }),
  );
const jump = fc.oneof(conditional, fc.constant(instruction(Class.JMP | Jump.JA)));
const wide = fc
  .record({ dst: register, value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) })
  .map(({ dst, value }) => wideLoad(dst, value));
const call = fc
  .integer({ min: 1, max: 0x7fffff })
  .map((immediate) => instruction(Class.JMP | Jump.CALL, { immediate }));
const exit = instruction(Class.JMP | Jump.EXIT);

const single = fc.oneof(
  { weight: 6, arbitrary: arithmetic },
  { weight: 4, arbitrary: memory },
  { weight: 4, arbitrary: jump },
  { weight: 1, arbitrary: call },
  { weight: 1, arbitrary: fc.constant(exit) },
);
const piece = fc.oneof({ weight: 12, arbitrary: single.map((slot) => [slot]) }, { weight: 1, arbitrary: wide });

/** Up to `maxLength` instructions and an exit; jumps go to the beginnings of instructions, forward or backward. */
export function instructions(maxLength = 60): fc.Arbitrary<Instruction[]> {
  return fc.tuple(fc.array(piece, { maxLength }), fc.infiniteStream(fc.nat())).map(([pieces, choices]) => {
    const slots = [...pieces.flat(), exit];
    const starts = [0];
    for (const piece of pieces) starts.push(starts.at(-1)! + piece.length);
    return slots.map((slot, index) => {
      if (!isOpenJump(slot) || !starts.includes(index)) return slot;
      const target = starts[choices.next().value % starts.length]!;
      return { ...slot, offset: target - index - 1 };
    });
  });
}

const isOpenJump = ({ opcode }: Instruction): boolean => {
  const class_ = opcode & 7;
  const operation = opcode & 0xf0;
  return (class_ === Class.JMP || class_ === Class.JMP32) && operation !== Jump.CALL && operation !== Jump.EXIT;
};

/** A program of one function. */
export function programOf(slots: readonly Instruction[], changes: Partial<JitFunction> = {}): JitProgram {
  const fn: JitFunction = {
    code: encodeInstructions(slots),
    stackDepth: 24,
    tailCallReachable: false,
    exceptionBoundary: false,
    exceptionCallback: false,
    privateStack: undefined,
    links: [],
    ...changes,
  };
  return { functions: [fn], arena: undefined, blinding: undefined, wasClassic: false, loaderIsAdmin: true };
}

/** Machines of all kernels under all sets of mitigations, with and without BMI2 and checked entries. */
export const machines: fc.Arbitrary<JitMachine> = fc
  .record({
    kernel: fc.constantFrom(...(Object.keys(JIT_BEHAVIOUR) as JitKernel[])),
    mitigations: fc.constantFrom(...(Object.keys(MITIGATION_SETS) as MitigationSet[])),
    bmi2: fc.boolean(),
    lfence: fc.boolean(),
    controlFlow: fc.constantFrom<JitMachine['controlFlow']>(
      { kind: 'none' },
      { kind: 'ibt' },
      { kind: 'kcfi', hashes: { main: 0x12345678, subprogram: 0x9abcdef }, callPadding: true, ibt: true },
      { kind: 'fineibt', hashes: { main: 0x12345678, subprogram: 0x9abcdef }, bhiArguments: undefined },
    ),
  })
  .map(({ kernel, mitigations, bmi2, lfence, controlFlow }) => ({
    ...machineWith(kernel, mitigations),
    ...(lfence ? { indirectJump: { kind: 'lfence' } as const } : {}),
    bmi2,
    controlFlow,
  }));

/** Where test images are placed. */
export const IMAGE = kernelAddress(0xffffffffc0025c14n);
