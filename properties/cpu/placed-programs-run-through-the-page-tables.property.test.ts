import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Class,
  type Instruction,
  instruction,
  Jump,
  Mode,
  Operation,
  Size,
  Source,
} from '../../src/model/bpf/instruction.ts';
import { Interpreter } from '../../src/model/bpf/interpreter.ts';
import { compile } from '../../src/model/bpf/jit/compile.ts';
import { addressOf, type KernelAddress, PLAIN_MACHINE } from '../../src/model/bpf/jit/machine.ts';
import { loadProgram } from '../../src/model/bpf/load.ts';
import { NativeRun } from '../../src/model/bpf/native-run.ts';
import { linkedProgram } from '../../src/model/bpf/program.ts';
import type { Binary } from '../../src/model/kernel/binary-pack.ts';
import { pageOfText } from '../../src/model/kernel/text-address.ts';
import { FlatMemory } from '../../src/model/machine/cpu/flat-memory.ts';
import { CpuBus } from '../../src/model/machine/cpu-bus.ts';
import type { World } from '../../src/model/world.ts';
import { freshWorld } from '../prog-pack/text-state.ts';

const OPERATIONS = Object.values(Operation).filter((operation) => operation !== Operation.END);
const exit = instruction(Class.JMP | Jump.EXIT);

/** Straight arithmetic on r0 to r5 and eight bytes of stack, with forward jumps over one instruction. */
const programs: fc.Arbitrary<readonly Instruction[]> = fc
  .array(
    fc.record({
      wide: fc.boolean(),
      operation: fc.constantFrom(...OPERATIONS),
      byRegister: fc.boolean(),
      dst: fc.nat(5),
      src: fc.nat(5),
      immediate: fc.oneof(fc.integer({ min: -0x80000000, max: 0x7fffffff }), fc.integer({ min: -2, max: 2 })),
      kind: fc.constantFrom('arithmetic', 'store', 'load', 'jump'),
    }),
    { maxLength: 24 },
  )
  .map((drawn) => [
    ...Array.from({ length: 6 }, (_, dst) => instruction(Class.ALU64 | Operation.MOV, { dst, immediate: dst * 7 - 9 })),
    instruction(Class.STX | Mode.MEM | Size.DW, { dst: 10, src: 3, offset: -8 }),
    ...drawn.map(({ wide, operation, byRegister, dst, src, immediate, kind }) => {
      if (kind === 'store') return instruction(Class.STX | Mode.MEM | Size.DW, { dst: 10, src, offset: -8 });
      if (kind === 'load') return instruction(Class.LDX | Mode.MEM | Size.DW, { dst, src: 10, offset: -8 });
      const source = byRegister && operation !== Operation.NEG ? Source.X : Source.K;
      const bits = wide ? 63 : 31;
      const isShift = operation === Operation.LSH || operation === Operation.RSH || operation === Operation.ARSH;
      const constant = isShift ? immediate & bits : immediate;
      if (kind === 'jump') return instruction(Class.JMP | Jump.JSGT, { dst, offset: 1, immediate });
      const operand = source === Source.X ? { src } : { immediate: operation === Operation.NEG ? 0 : constant };
      return instruction((wide ? Class.ALU64 : Class.ALU) | operation | source, { dst, ...operand });
    }),
    instruction(Class.ALU64 | Operation.ADD | Source.X, { dst: 0, src: 4 }),
    exit,
  ]);

/** The program's life up to being callable, as bpf_int_jit_compile() leads it. */
function place(world: World, program: readonly Instruction[]): { readonly binary: Binary; readonly length: number } {
  const loaded = loadProgram(program, { auxiliary: 11, helperDistance: (number) => 16 * number });
  if (loaded.kind === 'malformed') throw new Error(`instruction ${loaded.index}: ${loaded.message}`);
  const { binaries } = world.text;
  let binary: Binary | undefined;
  const whole = { functions: loaded.functions, arena: undefined, wasClassic: false, blinding: undefined };
  const compiled = compile({ ...whole, loaderIsAdmin: true }, PLAIN_MACHINE, (_, length): KernelAddress => {
    binary = binaries.allocate({ length, align: 4, random: 5, capable: true, cpu: 0 });
    return binary!.image;
  });
  if (compiled.kind === 'refused') throw new Error(compiled.reason);
  const { code, exceptionTable } = compiled.functions[0]!;
  binaries.emit(binary!, 0, code);
  binaries.emit(binary!, (code.length + 3) & ~3, exceptionTable);
  expect(binaries.finalize(binary!, 0)).toBe('0');
  return { binary: binary!, length: code.length };
}

/** Calls a place on CPU 1, with a page of the direct map as its stack. */
function call(world: World, address: bigint, length: number) {
  const { machine, directMap } = world;
  const stack = machine.memory.allocate('slab')!;
  const stackTop = BigInt(directMap.pageOf(stack.number) + 1) * 4096n;
  const memory = new CpuBus(machine.cpu(1), machine.memory);
  const program = { main: { address, length }, kernelFunctions: new Map(), exceptionEntries: new Map() };
  return new NativeRun(program, { memory, stackTop }).call([0n, 0n], 10_000);
}

function interpret(program: readonly Instruction[]) {
  const memory = new FlatMemory();
  memory.map(0x10_0000n, 3 * 4096);
  return new Interpreter(linkedProgram(program), { memory, stackTop: 0x10_3000n }).run([0n, 0n]);
}

describe('a program that was compiled, placed in a pack and poked', () => {
  it('returns on a CPU with page tables what the interpreter returns, and leaves no trace when all is taken back', () => {
    const world = freshWorld();
    fc.assert(
      fc.property(programs, (program) => {
        const mark = world.journal.position;
        const { binary, length } = place(world, program);
        const end = call(world, addressOf(binary.image), length);
        const expected = interpret(program);
        expect(expected.kind).toBe('exit');
        expect(end).toEqual({ kind: 'returned', value: expected.kind === 'exit' ? expected.value : undefined });
        expect(world.journal.undoTo(mark)).toBe(true);
      }),
      { seed: 11, numRuns: 80 },
    );
  });

  it('is fetched from its text alone: the direct map of the same frames is never executable', () => {
    const world = freshWorld();
    const { binary, length } = place(world, [instruction(Class.ALU64 | Operation.MOV, { immediate: 7 }), exit]);
    expect(call(world, addressOf(binary.image), length)).toEqual({ kind: 'returned', value: 7n });
    const frame = world.machine.kernelTables.translate(pageOfText(binary.image))!.frame;
    const alias = BigInt(world.directMap.pageOf(frame)) * 4096n + (addressOf(binary.image) & 0xfffn);
    expect(call(world, alias, length)).toMatchObject({
      kind: 'stopped',
      stop: { kind: 'page-fault', address: alias, execute: true, present: true },
    });
  });

  it('cannot write to its own text', () => {
    const world = freshWorld();
    const other = place(world, [exit]);
    const target = addressOf(other.binary.image);
    const store = [
      instruction(0x18, { dst: 1, immediate: Number(BigInt.asIntN(32, target)) }),
      instruction(0, { immediate: -1 }),
      instruction(Class.ST | Mode.MEM | Size.DW, { dst: 1, immediate: 0 }),
      exit,
    ];
    const { binary, length } = place(world, store);
    expect(call(world, addressOf(binary.image), length)).toMatchObject({
      kind: 'stopped',
      stop: { kind: 'page-fault', address: target, write: true, present: true },
    });
  });

  it('is traps once it is freed, even for a CPU that still holds the translation', () => {
    const world = freshWorld();
    const { binary, length } = place(world, [instruction(Class.ALU64 | Operation.MOV, { immediate: 7 }), exit]);
    place(world, [exit]);
    const address = addressOf(binary.image);
    expect(call(world, address, length)).toEqual({ kind: 'returned', value: 7n });
    world.text.binaries.release(binary, 0);
    expect(call(world, address, length)).toMatchObject({ kind: 'stopped', stop: { kind: 'breakpoint' } });
  });
});
