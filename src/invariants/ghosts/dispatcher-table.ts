import { type Journal, JournaledMap } from '../../base/journal.ts';
import type { Ghost, Happened } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { Binary } from '../../model/kernel/binary-pack.ts';
import type { World } from '../../model/world.ts';

/** What callers jump to: a half of the image, or the indirect call. */
export type Target = 0 | 1 | 'nop';

const MOST_PROGRAMS = 48;
const HALF = 2048;

/**
 * Who is attached how often, which half that makes current, and which readers are inside which half: kept from the steps'
 * arguments by the rules of kernel/bpf/dispatcher.c, so that the dispatcher's own account can be held against it.
 */
export class DispatcherTable {
  readonly users: JournaledMap<Binary, number>;
  readonly readers: JournaledMap<object, Target>;
  target: Target = 'nop';
  current: 0 | 1 = 0;
  /** The half that becomes current when the update in progress ends. */
  pending: 0 | 1 | undefined;
  /** Of the last step only: whether the image appeared, the half that was due to be written, and the target before it. */
  imageAppeared = false;
  due: { readonly half: 0 | 1; readonly bytes: Uint8Array } | undefined;
  targetBefore: Target = 'nop';
  hadImage = false;
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
    this.users = new JournaledMap<Binary, number>(journal);
    this.readers = new JournaledMap<object, Target>(journal);
  }

  follow({ text: { dispatcher } }: World, { operation, taken, returned }: Happened): void {
    const hasImage = dispatcher.image !== undefined;
    this.imageAppeared = hasImage && !this.hadImage;
    if (hasImage !== this.hadImage) this.#journal.set<DispatcherTable, 'hadImage'>(this, 'hadImage', hasImage);
    this.due = undefined;
    this.targetBefore = this.target;
    if (returned instanceof Refusal) return;
    switch (operation.name) {
      case 'dev_xdp_install':
        if (hasImage) this.#change(undefined, returned as Binary);
        break;
      case 'bpf_dispatcher_attach':
      case 'bpf_dispatcher_detach':
      case 'bpf_dispatcher_change_prog':
        if (hasImage) this.#change(taken.from as Binary | undefined, taken.to as Binary | undefined);
        break;
      case 'bpf_dispatcher_synchronize_rcu':
        if (this.pending !== undefined) {
          this.#journal.set<DispatcherTable, 'current'>(this, 'current', this.pending);
        }
        break;
      case 'bpf_dispatcher_xdp_func':
        this.readers.set(returned as object, this.target);
        break;
      case 'rcu_read_unlock':
        this.readers.delete(taken.reader as object);
        break;
    }
  }

  #change(from: Binary | undefined, to: Binary | undefined): void {
    if (from === to) return;
    const before = this.users.size;
    const removed = this.#remove(from);
    const added = this.#add(to);
    if (!removed && !added) return;
    const half = before === 0 ? 0 : this.current === 0 ? 1 : 0;
    const emptied = this.users.size === 0;
    if (!emptied) this.due = { half, bytes: this.#table() };
    const journal = this.#journal;
    journal.set<DispatcherTable, 'target'>(this, 'target', emptied ? 'nop' : half);
    journal.set<DispatcherTable, 'pending'>(this, 'pending', emptied ? undefined : half);
  }

  #remove(program: Binary | undefined): boolean {
    const users = program && this.users.get(program);
    if (program === undefined || users === undefined) return false;
    if (users > 1) this.users.set(program, users - 1);
    else this.users.delete(program);
    return users === 1;
  }

  #add(program: Binary | undefined): boolean {
    if (program === undefined) return false;
    const users = this.users.get(program);
    if (users === undefined && this.users.size >= MOST_PROGRAMS) return false;
    this.users.set(program, (users ?? 0) + 1);
    return users === undefined;
  }

  /** Addresses of the attached programs in order, as 64-bit words, and zeros. */
  #table(): Uint8Array {
    const words = new BigInt64Array(HALF / 8);
    words.set([...this.users.keys()].map(({ image }) => BigInt(image)).toSorted((a, b) => (a < b ? -1 : 1)));
    return new Uint8Array(words.buffer);
  }
}

const tables = new WeakMap<World, DispatcherTable>();

export const dispatcherTable = {
  name: 'dispatcher-table',
  begin(world: World): void {
    tables.set(world, new DispatcherTable(world.journal));
  },
  follow(world: World, happened: Happened): void {
    tables.get(world)!.follow(world, happened);
  },
  of: (world: World): DispatcherTable => tables.get(world)!,
} satisfies Ghost<World> & { of(world: World): DispatcherTable };
