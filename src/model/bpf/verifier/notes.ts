/** What the verifier finds out about instructions for those who rewrite them (struct bpf_insn_aux_data). */
export class Notes {
  /** By slot of a load, store or atomic: the kind of pointer that it was first reached with. */
  readonly #accesses = new Map<number, Pointer>();
  readonly #narrowed = new Set<number>();
  /** By slot of a tail call: the constant index it always has, or undefined. */
  readonly #tailCalls = new Map<number, number | undefined>();
  /** By first slot of a function: the lowest byte of stack that it touches, relative to its frame pointer. */
  readonly #lowest = new Map<number, number>();

  /** Whether a part of a stack pointer becomes a number, so that results depend on where the stack is. */
  tellsItsStack = false;

  /** False when the slot was reached with a pointer of another kind before. */
  access(at: number, pointer: Pointer): boolean {
    const before = this.#accesses.get(at);
    if (before === undefined) this.#accesses.set(at, pointer);
    return before === undefined || before === pointer;
  }

  pointerAt(at: number): Pointer | undefined {
    return this.#accesses.get(at);
  }

  /** Arithmetic on an arena pointer is done in 32 bits. */
  narrow(at: number): void {
    this.#narrowed.add(at);
  }

  isNarrowed(at: number): boolean {
    return this.#narrowed.has(at);
  }

  tailCall(at: number, index: number | undefined): void {
    const known = this.#tailCalls.has(at) && this.#tailCalls.get(at) !== index ? undefined : index;
    this.#tailCalls.set(at, known);
  }

  /** The index that a tail call always has. */
  tailCallIndex(at: number): number | undefined {
    return this.#tailCalls.get(at);
  }

  touchStack(functionStart: number, offset: number): void {
    this.#lowest.set(functionStart, Math.min(offset, this.#lowest.get(functionStart) ?? 0));
  }

  /** subprog_info.stack_depth: bytes, not rounded. */
  stackBytes(functionStart: number): number {
    return -(this.#lowest.get(functionStart) ?? 0);
  }
}

/** What tells accesses apart that are compiled differently. */
export type Pointer = 'memory' | 'arena' | 'untrusted';
