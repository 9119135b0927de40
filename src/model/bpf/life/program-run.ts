/**
 * One run of a program, twice: its meaning in the interpreter, on memory that nobody else sees, and its machine code on a CPU of
 * the machine, through page tables and translation caches. What both led to is put side by side.
 */
import { hex } from '../../../base/word.ts';
import { pageOfText } from '../../kernel/text-address.ts';
import { CpuBus } from '../../machine/cpu-bus.ts';
import { helperDistance } from '../compile-program.ts';
import { readExceptionEntry } from '../exception-fixup.ts';
import { Interpreter } from '../interpreter.ts';
import { describeStop } from '../interpreter-stop.ts';
import { ENTRY_BYTES } from '../jit/exception-table.ts';
import { addressOf, type JitMachine, kernelAddress } from '../jit/machine.ts';
import { helperNumbered } from '../kernel-function.ts';
import type { ArenaFault } from '../memory-step.ts';
import { FRAME_POINTER_DISTANCE, type KernelFunction, type NativeEnd, NativeRun } from '../native-run.ts';
import type { Program } from '../program.ts';
import { type BpfProgram, entryOf, type FunctionText } from './bpf-program.ts';
import { CONTEXT_BYTES, type KernelObjects, wordBytes } from './kernel-objects.ts';
import { emulated, type ProgArray } from './prog-array.ts';
import { ShadowMemory } from './shadow-memory.ts';
import type { ProgramSurroundings } from './surroundings.ts';

/** How one side ended: a value, or a sentence about what stopped it. */
export interface RunEnd {
  readonly value: bigint | undefined;
  readonly story: string;
  readonly arenaFaults: readonly ArenaFault[];
}

/** A byte that both sides left differently. */
export interface ByteDifference {
  readonly frame: number;
  readonly offset: number;
  readonly meant: number;
  readonly found: number;
}

/** What a run led to on both sides. */
export interface ProgramRun {
  readonly program: BpfProgram;
  readonly cpu: number;
  readonly meant: RunEnd;
  readonly found: RunEnd;
  readonly differences: readonly ByteDifference[];
  /** Pages of code that the CPU fetched from, and the frames it got. */
  readonly fetched: ReadonlyMap<number, number>;
  /** Addresses at which the CPU began to execute: of every block of instructions, the first. */
  readonly executed: ReadonlySet<number>;
}

export interface RunParts {
  readonly world: ProgramSurroundings;
  readonly objects: KernelObjects;
  readonly array: ProgArray;
  readonly jit: () => JitMachine;
  readonly cfiBytes: () => number;
  readonly clearsFaultedAtomics: boolean;
  readonly extendsArenaExchange: boolean;
  /** Whether the kernel tells a program's stream of faults in the arena (6.18). */
  readonly reportsFaults: boolean;
  readonly programs: () => readonly BpfProgram[];
}

/** MAX_BPF_STACK and the verifier's own sixteen bytes. */
const FRAME_BYTES = 528;

/** BPF instructions that a run may take, tail calls included; a program that takes more is not compared. */
const FUEL = 5_000;
/** More x86 instructions than BPF instructions can become. */
const LIMIT = 40 * FUEL;

/** Runs a program. Undefined when its meaning does not end in time: then nothing was done. */
export function runBoth(
  parts: RunParts,
  program: BpfProgram,
  { cpu, words }: { readonly cpu: number; readonly words: readonly bigint[] },
): ProgramRun | undefined {
  const { objects, world } = parts;
  const context = new Uint8Array(CONTEXT_BYTES);
  for (const [index, word] of words.entries()) context.set(wordBytes(word), 8 * index);
  const { position } = world.journal;
  objects.writeContext(cpu, context);
  const shadow = new ShadowMemory(world.machine);
  const meant = interpret(parts, program, cpu, shadow);
  if (meant === undefined) {
    world.journal.undoTo(position);
    return undefined;
  }
  const bus = new CpuBus(world.machine.cpu(cpu), world.machine.memory);
  const found = execute(parts, program, cpu, bus);
  const frames = new Set([...shadow.written.keys(), ...bus.before.keys()]);
  const isCompared = (frame: number) => !objects.isStack(frame) && !isCounter(parts, frame);
  const differences = [...frames].filter(isCompared).flatMap((frame) => difference(world, shadow, bus.before, frame));
  return { program, cpu, meant, found, differences, fetched: bus.fetched, executed: bus.executed };
}

function interpret(
  { objects, array, clearsFaultedAtomics, extendsArenaExchange, reportsFaults, jit, programs }: RunParts,
  program: BpfProgram,
  cpu: number,
  memory: ShadowMemory,
): RunEnd | undefined {
  const meanings = new Map<Program, BpfProgram>(programs().map((one) => [one.meaning, one]));
  const interpreter = new Interpreter(program.meaning, {
    memory,
    stackTop: objects.stackTop(cpu) - FRAME_POINTER_DISTANCE,
    clearsFaultedAtomics,
    extendsArenaExchange,
    auxiliaryRegister: jit().behaviour.auxiliaryRegister,
    frameBytes: FRAME_BYTES,
    arenaByPointer: true,
    tailCallTarget: (_, index, { program: caller, at }) => {
      const patch = meanings.get(caller)?.patches.find((one) => one.at === at);
      const isChanging = array.run?.replacements.some((one) => one.patch === patch) === true;
      return (patch !== undefined && isChanging ? patch.leadsTo : array.slots.at(patch?.slot ?? index))?.meaning;
    },
  });
  const stop = interpreter.run([objects.context(cpu)], FUEL);
  if (stop.kind === 'out-of-fuel') return undefined;
  const value = stop.kind === 'exit' ? stop.value : undefined;
  return { value, story: describeStop(stop), arenaFaults: reportsFaults ? interpreter.arenaFaults : [] };
}

function execute(
  { world, objects, jit, cfiBytes, programs }: RunParts,
  program: BpfProgram,
  cpu: number,
  bus: CpuBus,
): RunEnd {
  const main = program.texts[0]!;
  const live = programs().filter(({ state }) => state === 'live');
  const textAt = (instruction: bigint): readonly [BpfProgram, FunctionText] | undefined => {
    const at = kernelAddress(instruction);
    for (const one of live) {
      const text = one.texts.find(({ compiled: { address, code } }) => at >= address && at < address + code.length);
      if (text !== undefined) return [one, text];
    }
    return undefined;
  };
  const run = new NativeRun(
    {
      main: { address: addressOf(entryOf(main, cfiBytes())), length: main.compiled.code.length },
      kernelFunctions: kernelFunctions(jit()),
      exceptionEntries: {
        get: (instruction) => {
          const found = textAt(instruction);
          return found && entriesInText(world, found[1]).find((entry) => entry.instruction === instruction);
        },
      },
      arenaUserStart: (instruction) => textAt(instruction)?.[0].arena?.userStart ?? 0n,
      breakpoint: (address) => int3(world, kernelAddress(address)),
    },
    { memory: bus, stackTop: objects.stackTop(cpu) },
  );
  const end = run.call([objects.context(cpu)], LIMIT);
  const value = end.kind === 'returned' ? end.value : undefined;
  return { value, story: describeEnd(end), arenaFaults: run.arenaFaults };
}

/** The exception table of a function as it stands in its text. */
export function entriesInText(
  { access }: ProgramSurroundings,
  { compiled: { address, code, exceptionTable } }: FunctionText,
) {
  const table = address + ((code.length + 3) & ~3);
  const bytes = access.peek(pageOfText(table), table & 0xfff, exceptionTable.length);
  return Array.from({ length: (bytes?.length ?? 0) / ENTRY_BYTES }, (_, index) =>
    readExceptionEntry(addressOf(table + ENTRY_BYTES * index), bytes!.subarray(ENTRY_BYTES * index)),
  );
}

/** The handler of the int3 protocol; undefined where no instruction is being replaced. */
function int3({ livePatching }: ProgramSurroundings, address: number): bigint | undefined {
  const site = livePatching.active?.sites.find(
    ({ place }) => place.page === pageOfText(address) && place.offset === (address & 0xfff),
  );
  return site !== undefined && livePatching.handles(site) ? addressOf(emulated(site.new, address)) : undefined;
}

const HELPER_NUMBERS = Array.from({ length: 256 }, (_, number) => number).filter(
  (number) => helperNumbered(number) !== undefined,
);

function kernelFunctions({ callBase }: JitMachine): ReadonlyMap<bigint, KernelFunction> {
  return new Map(
    HELPER_NUMBERS.map((number) => [
      addressOf(callBase + helperDistance(number)),
      { name: `helper ${number}`, helper: helperNumbered(number) },
    ]),
  );
}

/** Calls are counted in a word of the kernel's own, of which programs know nothing. */
function isCounter({ jit, world }: RunParts, frame: number): boolean {
  const { callDepthCounter } = jit();
  return callDepthCounter !== undefined && world.image.frameOfPage(pageOfText(callDepthCounter)) === frame;
}

/** The first bytes of a frame that differ from what was meant; a frame that nobody meant to write shall be as it was before. */
function difference(
  { machine }: ProgramSurroundings,
  shadow: ShadowMemory,
  before: ReadonlyMap<number, Uint8Array>,
  number: number,
): ByteDifference[] {
  const frame = machine.memory.frame(number);
  const written = shadow.written.get(number);
  const meant = written === undefined ? before.get(number)! : new Uint8Array(written.buffer);
  const differences: ByteDifference[] = [];
  for (let offset = 0; offset < 4096; offset++) {
    const [want, have] = [meant[offset]!, frame.byteAt(offset)];
    if (want !== have) differences.push({ frame: number, offset, meant: want, found: have });
  }
  return differences.slice(0, 8);
}

function describeEnd(end: NativeEnd): string {
  switch (end.kind) {
    case 'returned':
      return `the program returned ${hex(end.value)}`;
    case 'unknown-helper':
      return `the code calls ${end.name}, which is not modelled`;
    case 'clobbered':
      return `the code does not give back ${end.register}`;
    default:
      return describeException(end.stop);
  }
}

function describeException(stop: Extract<NativeEnd, { kind: 'stopped' }>['stop']): string {
  if (stop.kind === 'limit') return `the code has not ended after ${LIMIT} instructions`;
  if (stop.kind !== 'page-fault') return `the code raises ${stop.kind} at ${hex(stop.at)}`;
  const doing = stop.execute ? 'fetches' : stop.write ? 'writes' : 'reads';
  return `the code at ${hex(stop.at)} ${doing} at ${hex(stop.address)}, where it may not`;
}
