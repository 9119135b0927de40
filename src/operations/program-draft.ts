/**
 * Draws BPF programs that the verifier accepts, because what each register and stack slot holds is tracked while drawing. Aimed
 * at what the JIT tells apart: registers by immediates by offsets, branches around the reach of short jumps, bounded loops,
 * calls, atomics, accesses of an arena with and without pages.
 */
import type { Random } from '../base/seed.ts';
import { Class, type Instruction, instruction, Operation } from '../model/bpf/instruction.ts';

/** Holds the context from the first instruction on. */
export const CONTEXT = 6;
/** Counts the rounds of a loop. */
export const COUNTER = 9;

/** A function behind main: its instructions, and where in main it is called. */
export interface FunctionDraft {
  readonly calls: number[];
  readonly body: readonly Instruction[];
  /** Its argument is the context; otherwise it takes two numbers. */
  readonly takesContext: boolean;
}

/** A program as far as it is drawn. */
export class ProgramDraft {
  readonly random: Random;
  /** Whether the program has an arena. */
  readonly hasArena: boolean;
  readonly code: Instruction[] = [];
  /** Registers that hold numbers, and those that hold pointers into the arena. */
  readonly scalars = new Set<number>();
  readonly arenaPointers = new Set<number>();
  /** Offsets of stack slots of eight bytes that hold numbers. */
  readonly slots = new Set<number>();
  /** Function bodies that go behind main, and the calls of each. */
  readonly functions: FunctionDraft[] = [];
  /** Inside a loop registers keep the kind of what they hold, because the next round finds them so. */
  keepsKinds = false;
  /** How deep in branches and loops the next statement stands. */
  depth = 0;
  /** Whether the function being drawn is main, which alone has the context and may call others. */
  readonly isMain: boolean;

  constructor(random: Random, options: { readonly hasArena: boolean; readonly isMain: boolean }) {
    this.random = random;
    this.hasArena = options.hasArena;
    this.isMain = options.isMain;
  }

  add(opcode: number, fields: Partial<Omit<Instruction, 'opcode'>> = {}): void {
    this.code.push(instruction(opcode, fields));
  }

  /** A register that holds a number; one is set where there is none. */
  scalar(): number {
    if (this.scalars.size === 0) this.setScalar(this.#freeTarget());
    return this.random.pick([...this.scalars]);
  }

  /** A register to put a number into. */
  target(): number {
    if (this.keepsKinds && this.scalars.size > 0) return this.random.pick([...this.scalars]);
    return this.random.pick(this.isMain ? MAIN_TARGETS : TARGETS);
  }

  /** One that holds no pointer. */
  #freeTarget(): number {
    return this.random.pick(MAIN_TARGETS.filter((register) => !this.arenaPointers.has(register)));
  }

  setScalar(register: number): void {
    const { random } = this;
    const wide = random.chance(0.6) ? Class.ALU64 : Class.ALU;
    this.add(wide | Operation.MOV, { dst: register, immediate: drawImmediate(random) });
    this.holdsScalar(register);
  }

  holdsScalar(register: number): void {
    this.arenaPointers.delete(register);
    this.scalars.add(register);
  }

  forget(register: number): void {
    this.arenaPointers.delete(register);
    this.scalars.delete(register);
  }

  /** Whatever a part does to registers may or may not have happened behind it. */
  maybe(part: () => void): void {
    const [scalars, pointers, slots] = [new Set(this.scalars), new Set(this.arenaPointers), new Set(this.slots)];
    this.depth++;
    part();
    this.depth--;
    for (const register of [...this.scalars]) if (!scalars.has(register)) this.scalars.delete(register);
    for (const register of [...this.arenaPointers]) if (!pointers.has(register)) this.arenaPointers.delete(register);
    for (const slot of [...this.slots]) if (!slots.has(slot)) this.slots.delete(slot);
  }
}

/** Everything but the context, the frame pointer and the counter. */
const TARGETS = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const MAIN_TARGETS = TARGETS.filter((register) => register !== CONTEXT);

/** Values at which encodings or results change, and any others. */
export function drawImmediate(random: Random): number {
  if (random.chance(0.6)) return random.pick(EDGES);
  return random.chance(0.3) ? random.between(-300, 300) : random.between(-0x8000_0000, 0x7fff_ffff);
}

const EDGES = [0, 1, -1, 2, 3, 127, 128, -128, -129, 255, 256, 0x7fff_ffff, -0x8000_0000, 0x5a5a_1234];
