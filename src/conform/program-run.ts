/**
 * Runs a program as its author wrote it, without a kernel around it: in the interpreter, or compiled and as machine code on
 * the CPU. It gets bytes in r1 and their number in r2, as the public conformance suite has it. Whatever goes wrong is told with
 * the index of the instruction.
 */
import { hex } from '../base/word.ts';
import { compileProgram, exceptionEntriesOf, helperDistance, instructionAt } from '../model/bpf/compile-program.ts';
import type { Instruction } from '../model/bpf/instruction.ts';
import { FRAME_BYTES, Interpreter, MOST_FRAMES } from '../model/bpf/interpreter.ts';
import { describeStop } from '../model/bpf/interpreter-stop.ts';
import { addressOf, type JitMachine, type KernelAddress } from '../model/bpf/jit/machine.ts';
import { helperNumbered } from '../model/bpf/kernel-function.ts';
import { malformationOf } from '../model/bpf/load.ts';
import { type NativeEnd, NativeRun } from '../model/bpf/native-run.ts';
import { linkedProgram } from '../model/bpf/program.ts';
import { MAX_STACK } from '../model/bpf/stack-depth.ts';
import { FlatMemory } from '../model/machine/cpu/flat-memory.ts';

export type Mode = 'interpret' | 'jit';

export type ProgramResult =
  | { readonly kind: 'returned'; readonly value: bigint }
  /** `reason` is a sentence that names the instruction. */
  | { readonly kind: 'failed'; readonly reason: string };

/** Runs a program on a copy of `memory`, which may be empty. */
export function runProgram(
  program: readonly Instruction[],
  memory: Uint8Array,
  mode: Mode,
  machine: JitMachine,
): ProgramResult {
  const malformation = malformationOf(program);
  if (malformation !== undefined) return failed(`instruction ${malformation.index}: ${malformation.message}`);
  const flat = new FlatMemory();
  flat.map(STACK, STACK_BYTES);
  flat.map(DATA, Math.max(1, memory.length));
  flat.write(DATA, memory);
  const parameters = memory.length === 0 ? [0n, 0n] : [DATA, BigInt(memory.length)];
  return mode === 'interpret' ? interpret(program, flat, parameters) : execute(program, flat, parameters, machine);
}

const STACK_BYTES = MOST_FRAMES * FRAME_BYTES + 4096;
const STACK = 0xffff_c900_0010_0000n;
const STACK_TOP = STACK + BigInt(STACK_BYTES);
const DATA = 0xffff_8881_4000_0000n;
const FUEL = 10_000_000;

const failed = (reason: string): ProgramResult => ({ kind: 'failed', reason });

function interpret(program: readonly Instruction[], memory: FlatMemory, parameters: readonly bigint[]): ProgramResult {
  const stop = new Interpreter(linkedProgram(program, helperNumbered), { memory, stackTop: STACK_TOP }).run(
    parameters,
    FUEL,
  );
  return stop.kind === 'exit' ? { kind: 'returned', value: stop.value } : failed(describeStop(stop));
}

function execute(
  program: readonly Instruction[],
  memory: FlatMemory,
  parameters: readonly bigint[],
  machine: JitMachine,
): ProgramResult {
  const placed = compileProgram(program, machine, { stackDepth: MAX_STACK });
  if (placed.kind === 'not-compiled') return failed(placed.reason);
  const { functions } = placed;
  for (const { address, code } of functions) mapText(memory, address, code);
  mapThunks(memory, machine);
  const main = functions[0]!;
  const run = new NativeRun(
    {
      main: { address: addressOf(main.address), length: main.code.length },
      kernelFunctions: kernelFunctions(machine),
      exceptionEntries: new Map(functions.flatMap(exceptionEntriesOf).map((entry) => [entry.instruction, entry])),
    },
    { memory, stackTop: STACK_TOP, perCpuOffset: PER_CPU },
  );
  const end = run.call(parameters, FUEL);
  return end.kind === 'returned' ? end : failed(describeEnd(end, instructionAt(run.instructionPointer, placed)));
}

const PER_CPU = 0xffff_8881_b500_0000n;

function kernelFunctions({ callBase }: JitMachine) {
  const numbers = Array.from({ length: 256 }, (_, number) => number).filter((number) => helperNumbered(number));
  return new Map(
    numbers.map((number) => [
      addressOf(callBase + helperDistance(number)),
      { name: `helper ${number}`, helper: helperNumbered(number) },
    ]),
  );
}

function mapText(memory: FlatMemory, address: KernelAddress, code: Uint8Array): void {
  memory.map(addressOf(address), code.length, { execute: true });
  memory.write(addressOf(address), code);
}

/** A return thunk is a bare return, an indirect thunk a bare jump; calls are counted in a per-CPU word. */
function mapThunks(memory: FlatMemory, { returnThunk, indirectJump, callDepthCounter }: JitMachine): void {
  if (returnThunk !== undefined) mapText(memory, returnThunk, Uint8Array.of(0xc3));
  if (indirectJump.kind === 'thunk') mapText(memory, indirectJump.address, Uint8Array.of(0xff, 0xe1));
  if (callDepthCounter !== undefined) memory.map(BigInt.asUintN(64, PER_CPU + BigInt(callDepthCounter)), 8);
}

function describeEnd(end: Exclude<NativeEnd, { kind: 'returned' }>, at: number | undefined): string {
  const where = at === undefined ? 'code outside the program' : `instruction ${at}`;
  if (end.kind === 'unknown-helper') return `${where} calls ${end.name}, which is not modelled`;
  if (end.kind === 'clobbered') return `the program does not give back ${end.register}`;
  const { stop } = end;
  if (stop.kind === 'limit')
    return `${where} was not performed: the program has used up the ${FUEL} steps it was given`;
  if (stop.kind !== 'page-fault') return `${where} raises ${stop.kind} at ${hex(stop.at)}`;
  if (stop.execute) return `the code goes on at ${hex(stop.address)}, where there is none`;
  const overflows = stop.address < STACK && stop.address >= STACK - 4096n;
  if (overflows) return `${where} overflows the stack: it writes at ${hex(stop.address)}`;
  return `${where} ${stop.write ? 'writes' : 'reads'} at ${hex(stop.address)}, where it may not`;
}
