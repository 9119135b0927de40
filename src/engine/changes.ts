import type { Journal } from '../base/journal.ts';
import type { Changes } from '../language/invariant.ts';

/**
 * What the last step changed, read from the journal when a law or a ghost first asks. One object serves a whole session:
 * its answers are valid until the next step begins.
 */
export class StepChanges implements Changes {
  #journal: Journal;
  readonly #owners: object[] = [];
  readonly #seen = new Set<object>();
  readonly #byClass = new Map<unknown, { at: number; readonly owners: unknown[] }>();
  #from = 0;
  /** The journal's position up to which `#owners` is complete; a ghost's own writes move it on. */
  #until = UNREAD;
  /** Tells answers of this step from those of earlier ones. */
  #reading = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** A fresh world has another journal. */
  watch(journal: Journal): void {
    this.#journal = journal;
    this.begin();
  }

  /** A step begins where the journal stands now, or began earlier. */
  begin(position = this.#journal.position): void {
    this.#from = position;
    this.#until = UNREAD;
  }

  /** The journal's position before the step. */
  get from(): number {
    return this.#from;
  }

  // biome-ignore lint/suspicious/noExplicitAny: any class of the model can be asked for
  of<Owner>(kind: abstract new (...args: any[]) => Owner): readonly Owner[] {
    this.#read();
    let answer = this.#byClass.get(kind);
    if (answer === undefined) {
      answer = { at: -1, owners: [] };
      this.#byClass.set(kind, answer);
    }
    if (answer.at !== this.#reading) {
      answer.at = this.#reading;
      if (answer.owners.length > 0) answer.owners.length = 0;
      for (const owner of this.#owners) if (owner instanceof kind) answer.owners.push(owner);
    }
    return answer.owners as Owner[];
  }

  each(visit: (owner: object, key: unknown, old: unknown) => void): void {
    this.#journal.since(this.#from, visit);
  }

  #read(): void {
    const { position } = this.#journal;
    if (position === this.#until) return;
    if (this.#owners.length > 0) this.#owners.length = 0;
    if (this.#seen.size > 0) this.#seen.clear();
    this.#journal.since(this.#from, this.#collect);
    this.#until = position;
    this.#reading++;
  }

  /** Entries come in bursts of one owner and most steps have few owners: a set is worth its price only for many. */
  readonly #collect = (owner: object): void => {
    const owners = this.#owners;
    const count = owners.length;
    if (count > 0 && owner === owners[count - 1]) return;
    if (count < FEW) {
      for (let index = 0; index < count - 1; index++) if (owner === owners[index]) return;
      owners.push(owner);
      return;
    }
    if (count === FEW) for (const early of owners) this.#seen.add(early);
    if (this.#seen.has(owner)) return;
    this.#seen.add(owner);
    owners.push(owner);
  };
}

const UNREAD = -1;
const FEW = 12;
