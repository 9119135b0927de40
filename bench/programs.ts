/**
 * How fast BPF programs are compiled, interpreted and executed as x86 code, on one core of the machine at hand, and whether a
 * long loop costs more per round than a short one. No public interpreter stands beside: the npm registry offers none (asked for
 * ubpf and rbpf in November 2026).
 */
import { parseAssembly } from '../src/model/bpf/assembly-parse.ts';
import { compileProgram, helperDistance } from '../src/model/bpf/compile-program.ts';
import type { Instruction } from '../src/model/bpf/instruction.ts';
import { Interpreter } from '../src/model/bpf/interpreter.ts';
import { compile } from '../src/model/bpf/jit/compile.ts';
import { addressOf, PLAIN_MACHINE } from '../src/model/bpf/jit/machine.ts';
import { loadProgram } from '../src/model/bpf/load.ts';
import { NativeRun } from '../src/model/bpf/native-run.ts';
import { linkedProgram } from '../src/model/bpf/program.ts';
import { FlatMemory } from '../src/model/machine/cpu/flat-memory.ts';
import type { Ratio } from './speed.ts';

/** Instructions in millions a second, the median of some rounds. */
export interface ProgramSpeed {
  readonly name: string;
  readonly millionsPerSecond: number;
  readonly wanted: string;
}

const STACK = 0x10_0000n;
const STACK_BYTES = 0x1_0000;
const ENDLESS = 1e9;

const BODIES = {
  arithmetic: ['r0 += r1', 'r0 ^= 0x55', 'r2 = r0', 'r2 >>= 3', 'r0 += r2'],
  memory: ['*(u64 *)(r10 -8) = r0', 'r2 = *(u32 *)(r10 -8)', 'r0 += r2', '*(u8 *)(r10 -3) = r0', 'r0 += 7'],
};

function loopOf(body: readonly string[], rounds: number): readonly Instruction[] {
  const lines = ['r0 = 0', `r1 = ${rounds}`, ...body, 'r1 += -1', `if r1 != 0x0 goto pc-${body.length + 2}`, 'exit'];
  return assembled(lines);
}

function assembled(lines: readonly string[]): readonly Instruction[] {
  const parsed = parseAssembly(lines.join('\n'));
  if (parsed.kind === 'error') throw new Error(parsed.message);
  return parsed.instructions;
}

/** How many instructions were performed, and in how many seconds. */
interface Timed {
  readonly count: number;
  readonly seconds: number;
}

/** Time of the processor rather than of the clock: others may use the machine too. */
function timed(perform: () => number): Timed {
  const start = process.cpuUsage();
  const count = perform();
  return { count, seconds: process.cpuUsage(start).user / 1e6 };
}

function interpreted(program: readonly Instruction[]): Timed {
  const memory = new FlatMemory();
  memory.map(STACK, STACK_BYTES);
  const interpreter = new Interpreter(linkedProgram(program), { memory, stackTop: STACK + BigInt(STACK_BYTES) });
  return timed(() => {
    interpreter.run([0n, 0n], ENDLESS);
    return interpreter.performed;
  });
}

function executed(program: readonly Instruction[]): Timed {
  const placed = compileProgram(program, PLAIN_MACHINE);
  if (placed.kind === 'not-compiled') throw new Error(placed.reason);
  const { address, code } = placed.functions[0]!;
  const memory = new FlatMemory();
  memory.map(STACK, STACK_BYTES);
  memory.map(addressOf(address), code.length, { execute: true });
  memory.write(addressOf(address), code);
  const main = { address: addressOf(address), length: code.length };
  const surroundings = { memory, stackTop: STACK + BigInt(STACK_BYTES) };
  const run = new NativeRun({ main, kernelFunctions: new Map(), exceptionEntries: new Map() }, surroundings);
  return timed(() => {
    run.call([0n, 0n], ENDLESS);
    return run.retired;
  });
}

/** The JIT alone, on a program of some thousand instructions with jumps. */
function compiled(): Timed {
  const lines = Array.from({ length: 2000 }, (_, index) => [
    `r${index % 6} = ${index * 7919}`,
    `r${index % 6} += r${(index + 1) % 6}`,
    `if r1 == ${index} goto pc+1`,
    '*(u64 *)(r10 -8) = r1',
  ]);
  const loaded = loadProgram(assembled([...lines.flat(), 'r0 = 0', 'exit']), { auxiliary: 11, helperDistance });
  if (loaded.kind === 'malformed') throw new Error(loaded.message);
  const whole = { functions: loaded.functions, arena: undefined, wasClassic: false, blinding: undefined };
  return timed(() => {
    for (let round = 0; round < 20; round++)
      compile({ ...whole, loaderIsAdmin: true }, PLAIN_MACHINE, () => -0x4000_0000);
    return 20 * (4 * 2000 + 2);
  });
}

/** Speeds of this machine, now. */
export function programSpeeds(rounds: number): readonly ProgramSpeed[] {
  const speed = (name: string, wanted: string, measure: () => Timed): ProgramSpeed => ({
    name,
    wanted,
    millionsPerSecond: median(
      Array.from({ length: rounds }, measure).map(({ count, seconds }) => count / seconds / 1e6),
    ),
  });
  const loops = Object.entries(BODIES).map(([name, body]) => [name, loopOf(body, 200_000)] as const);
  return [
    speed('the JIT, BPF instructions', 'at least 1', compiled),
    ...loops.map(([name, loop]) => speed(`the interpreter, ${name}`, 'at least 8', () => interpreted(loop))),
    ...loops.map(([name, loop]) => speed(`the CPU, x86 instructions, ${name}`, 'at least 40', () => executed(loop))),
  ];
}

/** What an instruction costs in a loop of a million, over the same in loops of fifty thousand. */
export function costOfLongLoops(rounds: number): readonly Ratio[] {
  const ratio = (run: (program: readonly Instruction[]) => Timed): number => {
    const cost = ({ count, seconds }: Timed) => seconds / count;
    const long = loopOf(BODIES.arithmetic, 1_000_000);
    const short = loopOf(BODIES.arithmetic, 50_000);
    run(long);
    return median(Array.from({ length: rounds }, () => cost(run(long)) / cost(run(short))));
  };
  const wanted = 'at most 1.1';
  return [
    { name: 'an interpreted loop of 1,000,000 rounds / 50,000', ratio: ratio(interpreted), wanted },
    { name: 'an executed loop of 1,000,000 rounds / 50,000', ratio: ratio(executed), wanted },
  ];
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1]!;
}
