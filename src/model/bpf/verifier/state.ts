/** Where the verifier stands on one path: the registers and stacks of the functions it is in (struct bpf_verifier_state). */
import { FRAME_POINTER } from '../instruction.ts';
import { letters, NOTHING, SCALAR, type Value } from './value.ts';

/** Eight bytes of stack: which of them were written, and the pointer they hold when it was stored whole. */
interface StackSlot {
  readonly written: number;
  readonly value: Value;
}

const WHOLE = 0xff;

/** One function's part of a state. */
export class FrameState {
  readonly registers: Value[];
  readonly #slots: Map<number, StackSlot>;
  /** Where its caller goes on; -1 for main. */
  readonly returnTo: number;
  /** How many calls deep it is; main is 0. */
  readonly depth: number;
  /** Its first slot. */
  readonly start: number;

  constructor(
    { depth, start, returnTo }: Pick<FrameState, 'depth' | 'start' | 'returnTo'>,
    registers: Value[],
    slots: Map<number, StackSlot> = new Map(),
  ) {
    this.depth = depth;
    this.start = start;
    this.returnTo = returnTo;
    this.registers = registers;
    this.registers[FRAME_POINTER] = { kind: 'stack', depth, offset: 0 };
    this.#slots = slots;
  }

  copy(): FrameState {
    return new FrameState(this, [...this.registers], new Map(this.#slots));
  }

  /** Notes a store of `size` bytes at an offset from the frame pointer, which is negative. */
  store(offset: number, size: number, value: Value): void {
    const first = slotOf(offset);
    if (size === 8 && offset === first) {
      this.#slots.set(first, { written: WHOLE, value });
      return;
    }
    for (let at = offset; at < offset + size; at++) {
      const slot = slotOf(at);
      this.#slots.set(slot, { written: (this.#slots.get(slot)?.written ?? 0) | (1 << (at - slot)), value: SCALAR });
    }
  }

  /** What a load of `size` bytes finds; undefined where a byte was never written. */
  load(offset: number, size: number): Value | undefined {
    const whole = this.#slots.get(offset);
    if (size === 8 && slotOf(offset) === offset && whole?.written === WHOLE) return whole.value;
    for (let at = offset; at < offset + size; at++) {
      const slot = slotOf(at);
      if (((this.#slots.get(slot)?.written ?? 0) & (1 << (at - slot))) === 0) return undefined;
    }
    return SCALAR;
  }

  get letters(): string {
    const slots = [...this.#slots].sort(([left], [right]) => left - right);
    const stack = slots.map(([slot, { written, value }]) => `${slot}:${written}${letters(value)}`);
    return `${this.returnTo}|${this.registers.map(letters).join()}|${stack.join()}`;
  }
}

const slotOf = (offset: number): number => Math.floor(offset / 8) * 8;

/** A path that is still to be followed: the slot to look at next, and what is known there. */
export class PathState {
  readonly at: number;
  readonly frames: readonly FrameState[];

  constructor(at: number, frames: readonly FrameState[]) {
    this.at = at;
    this.frames = frames;
  }

  get frame(): FrameState {
    return this.frames[this.frames.length - 1]!;
  }

  /** The same knowledge at another slot, to be changed independently. */
  movedTo(at: number): PathState {
    return new PathState(
      at,
      this.frames.map((frame) => frame.copy()),
    );
  }

  get letters(): string {
    return `${this.at}#${this.frames.map((frame) => frame.letters).join('#')}`;
  }
}

/** Registers of which only those named hold something. */
export function registersHolding(values: Readonly<Record<number, Value>>): Value[] {
  return Array.from({ length: FRAME_POINTER + 1 }, (_, register) => values[register] ?? NOTHING);
}
