import type { Journal, Undoable } from '../../base/journal.ts';
import type { KernelLog } from './kernel-log.ts';

/**
 * One kvmalloc() buffer: ordinary writable memory in which the JIT builds what it later pokes into text. It watches its own
 * lifetime as KASAN does, because every known bug around these buffers is a use after free or a second free. Where the
 * buffer lies is left out: nothing executes it and no mapping of it changes.
 */
export class KernelBuffer implements Undoable {
  readonly size: number;
  alive = true;
  readonly #journal: Journal;
  readonly #log: KernelLog;
  readonly #bytes: Uint8Array;

  constructor(journal: Journal, log: KernelLog, { size, fill }: { readonly size: number; readonly fill: number }) {
    this.#journal = journal;
    this.#log = log;
    this.size = size;
    this.#bytes = new Uint8Array(size).fill(fill);
  }

  /** The bytes, for reading only. */
  view(): Uint8Array {
    this.#watch('read');
    return this.#bytes;
  }

  write(offset: number, source: Uint8Array): void {
    this.#watch('write');
    this.#journal.record(this, offset, this.#bytes.slice(offset, offset + source.length));
    this.#bytes.set(source, offset);
  }

  fill(offset: number, length: number, byte: number): void {
    this.#watch('write');
    this.#journal.record(this, offset, this.#bytes.slice(offset, offset + length));
    this.#bytes.fill(byte, offset, offset + length);
  }

  /** kvfree(). */
  free(): void {
    if (this.alive) this.#journal.set(this, 'alive', false);
    else this.#log.kasan('double-free of an RW buffer');
  }

  undo(key: unknown, old: unknown): void {
    if (key === 'alive') this.alive = old as boolean;
    else this.#bytes.set(old as Uint8Array, key as number);
  }

  #watch(access: 'read' | 'write'): void {
    if (!this.alive) this.#log.kasan(`use-after-free ${access} of an RW buffer`);
  }
}
