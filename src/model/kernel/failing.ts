/**
 * The plan that makes one internal allocation or permission change of an operation fail. Most real bugs sit on error paths,
 * so every one of these places in the kernel asks here, in the order in which the kernel reaches them.
 *
 * The plan holds between steps nothing that a journal would have to keep: it is armed and disarmed inside one operation.
 */
export class FailurePlan {
  #failing = 0;
  #asked = 0;
  #failed: string | undefined;

  /**
   * Runs an operation's body with its `failing`-th fallible place failing; 0 lets all succeed. What the body returns is
   * returned.
   */
  during<Result>(failing: number, body: () => Result): Result {
    this.#failing = failing;
    this.#asked = 0;
    this.#failed = undefined;
    try {
      return body();
    } finally {
      this.#failing = 0;
    }
  }

  /** Whether this fallible place fails now. `what` names it for reports: `page table`, `vm area`. */
  next(what: string): boolean {
    this.#asked++;
    if (this.#failing === 0 || this.#asked !== this.#failing) return false;
    this.#failed = what;
    return true;
  }

  /** The same for `count` places of one kind that follow each other. */
  nextOf(what: string, count: number): boolean {
    const fails = this.#failing > this.#asked && this.#failing <= this.#asked + count;
    this.#asked = fails ? this.#failing : this.#asked + count;
    if (fails) this.#failed = what;
    return fails;
  }

  /** How many fallible places the last operation reached. */
  get asked(): number {
    return this.#asked;
  }

  /** What failed in the last operation, or undefined when nothing did. */
  get failed(): string | undefined {
    return this.#failed;
  }
}
