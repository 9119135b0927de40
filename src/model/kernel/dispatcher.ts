import { type Journal, JournaledArray } from '../../base/journal.ts';
import { PAGE_SIZE } from '../../base/page.ts';
import type { Binary } from './binary-pack.ts';
import type { ExecutableArea, ExecutableMemory } from './executable-memory.ts';
import type { GracePeriod, Rcu, RcuReader } from './grace-period.ts';
import { dispatcherMutex, type Locks } from './locks.ts';
import { ZERO } from './prog-pack.ts';
import type { ProgPackProfile } from './prog-pack-profile.ts';
import type { TextAddress } from './text-address.ts';
import type { TextSlices } from './text-slices.ts';

/** BPF_DISPATCHER_MAX: programs in the table; one more is passed over in silence. */
export const DISPATCHER_PROGRAMS = 48;

/** Bytes of one half of the image. */
export const HALF_BYTES = PAGE_SIZE / 2;

/** A program in the table, and how many attachments use it. */
export interface DispatcherProgram {
  readonly program: Binary;
  users: number;
}

/** What callers of the dispatcher jump to: one half of the image, or the function that calls indirectly. */
export type DispatcherTarget = 0 | 1 | 'nop';

/** An update between its publication and the end of its grace period; the mutex is held all the while. */
export interface DispatcherUpdate {
  readonly period: GracePeriod;
  /** The half that becomes current at its end; undefined when the table went empty. */
  readonly half: 0 | 1 | undefined;
}

export interface DispatcherParts {
  readonly journal: Journal;
  readonly profile: ProgPackProfile;
  readonly packs: TextSlices;
  readonly memory: ExecutableMemory;
  readonly rcu: Rcu;
  readonly locks: Locks;
}

/**
 * Models kernel/bpf/dispatcher.c: a page of text that compares the called program with those attached and jumps directly, so
 * that XDP pays no indirect branch. Its halves take turns: one is rewritten while CPUs may still run the other, which is why
 * an update waits for a grace period before it lets go of the mutex.
 *
 * The machine code of the search tree is left out. In its place a half holds the sorted addresses of its programs, eight
 * bytes each: what matters here is when a half is written and who may be inside, not how it compares.
 */
export class Dispatcher {
  readonly programs: JournaledArray<DispatcherProgram>;
  /** The page of text, from a pack, once a first change has asked for it; it is never given back. */
  image: TextAddress | undefined;
  /** The writable page that is copied from. */
  rwImage: ExecutableArea | undefined;
  /** image_off: the half that was current when the last update ended. */
  currentHalf: 0 | 1 = 0;
  target: DispatcherTarget = 'nop';
  update: DispatcherUpdate | undefined;
  readonly #parts: DispatcherParts;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.programs = new JournaledArray<DispatcherProgram>(parts.journal);
  }

  /**
   * bpf_dispatcher_change_prog() up to synchronize_rcu(): takes one user from `from`, gives one to `to`, and publishes a new
   * half when the set of programs changed. Every failure is silent: the callers' indirect call always works.
   */
  change(from: Binary | undefined, to: Binary | undefined, cpu: number): void {
    if (from === to) return;
    this.#parts.locks.holding(dispatcherMutex, () => {
      if (!this.prepareImages(cpu)) return;
      const before = this.programs.length;
      const removed = this.remove(from);
      const added = this.add(to);
      if (removed || added) this.publish(before, cpu);
    });
  }

  /** Whether synchronize_rcu() of the update in progress can return. */
  updateIsOver(): boolean {
    return this.update !== undefined && this.readersHaveLeft(this.update.period);
  }

  /** The end of the update: the half that was published is the current one, the other may be rewritten. */
  finishUpdate(): void {
    const { journal } = this.#parts;
    const half = this.update?.half;
    if (half !== undefined) journal.set<Dispatcher, 'currentHalf'>(this, 'currentHalf', half);
    journal.set<Dispatcher, 'update'>(this, 'update', undefined);
  }

  /** A packet arrives: a CPU enters the published target in a read-side section. */
  enter(): RcuReader {
    return this.#parts.rcu.enter(this.target);
  }

  leave(reader: RcuReader): void {
    this.#parts.rcu.leave(reader);
  }

  /** Whether all readers that a grace period waits for have left. */
  readersHaveLeft(period: GracePeriod): boolean {
    return this.#parts.rcu.isOver(period);
  }

  /** Gets both pages at the first change; a second page that cannot be had gives the first one back. */
  prepareImages(cpu: number): boolean {
    const { journal, packs, memory } = this.#parts;
    if (this.image !== undefined) return true;
    const image = packs.allocate(PAGE_SIZE, ZERO, cpu, PAGE_SIZE);
    if (image === undefined) return false;
    const rwImage = memory.allocate(PAGE_SIZE);
    if (rwImage === undefined) {
      this.freeImage(image, cpu);
      return false;
    }
    journal.set<Dispatcher, 'image'>(this, 'image', image);
    journal.set<Dispatcher, 'rwImage'>(this, 'rwImage', rwImage);
    return true;
  }

  /** Where the allocator reads sizes from headers, this headerless page is given one first. */
  freeImage(image: TextAddress, cpu: number): void {
    const { packs, memory, profile } = this.#parts;
    if (profile.sizeAtFree === 'header')
      memory.pokeCopy(image, new Uint8Array(new Uint32Array([PAGE_SIZE]).buffer), cpu);
    packs.free(image, PAGE_SIZE, cpu);
  }

  /** bpf_dispatcher_remove_prog(): true when the last user left. */
  remove(program: Binary | undefined): boolean {
    const index = this.programs.items.findIndex((entry) => entry.program === program);
    if (index < 0) return false;
    const entry = this.programs.at(index)!;
    this.#parts.journal.set(entry, 'users', entry.users - 1);
    if (entry.users > 0) return false;
    this.programs.remove(index);
    return true;
  }

  /** bpf_dispatcher_add_prog(): true when the program is new in the table. */
  add(program: Binary | undefined): boolean {
    if (program === undefined) return false;
    const entry = this.programs.items.find((known) => known.program === program);
    if (entry !== undefined) {
      this.#parts.journal.set(entry, 'users', entry.users + 1);
      return false;
    }
    if (this.programs.length >= DISPATCHER_PROGRAMS) return false;
    this.programs.push({ program, users: 1 });
    return true;
  }

  /** bpf_dispatcher_update(): writes the half that is not current, publishes it and starts to wait. */
  publish(programsBefore: number, cpu: number): void {
    const { journal, rcu } = this.#parts;
    const half = this.nextHalf(programsBefore);
    const emptied = this.programs.length === 0;
    if (!emptied && !this.writeHalf(half, cpu)) return;
    journal.set<Dispatcher, 'target'>(this, 'target', emptied ? 'nop' : half);
    journal.set<Dispatcher, 'update'>(this, 'update', { period: rcu.begin(), half: emptied ? undefined : half });
  }

  /** The half to write: the other one, or the first when nobody can be in either. */
  nextHalf(programsBefore: number): 0 | 1 {
    if (programsBefore === 0) return 0;
    return this.currentHalf === 0 ? 1 : 0;
  }

  /** Builds a half in the writable page and copies it into the text. */
  writeHalf(half: 0 | 1, cpu: number): boolean {
    const { memory } = this.#parts;
    const code = dispatcherHalf(this.programs.items.map(({ program }) => program.image));
    memory.write(this.rwImage!, half * HALF_BYTES, code, cpu);
    return memory.pokeCopy(this.image! + half * HALF_BYTES, code, cpu);
  }
}

/** What a half holds for programs that run at these addresses: the addresses in order, and zeros. */
export function dispatcherHalf(images: readonly TextAddress[]): Uint8Array {
  const words = new BigInt64Array(HALF_BYTES / 8);
  words.set(images.toSorted((left, right) => left - right).map((image) => BigInt(image)));
  return new Uint8Array(words.buffer);
}
