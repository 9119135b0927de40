import { JournaledArray, JournaledMap } from '../../base/journal.ts';
import { type Range, RangeTree } from '../../base/range-tree.ts';
import type { Ghost, Happened } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import { pageOfText, type TextAddress, textAddress } from '../../model/kernel/text-address.ts';
import type { VmArea } from '../../model/kernel/vmalloc.ts';
import { Frame } from '../../model/machine/frame.ts';
import type { World } from '../../model/world.ts';
import { dispatcherTable } from './dispatcher-table.ts';
import { TextBlock } from './text-blocks.ts';
import type { Owner, TextEvent } from './text-event.ts';
import { textEvents } from './text-events.ts';
import type { TextPage } from './text-owners.ts';

/** Text that somebody was given and has not given back. */
export interface Held extends Range {
  readonly owner: Owner;
}

/** What the last step did to ownership. */
interface SharingStep {
  readonly claimed: Owner | undefined;
  /** Who held some of the claimed text already. */
  readonly heldBy: Owner | undefined;
  readonly newBlocks: readonly TextBlock[];
  readonly touched: readonly TextPage[];
}

const TRAP = 0xcc;
const PAGE = 4096;

/** Bytes of an instruction that a static key or a livepatch replaces. */
const POKES = new Set(['static_key_update', 'klp_apply_section_relocs']);

/**
 * Who holds which text of a shared allocator, and what every byte of it should read: the allocator's account kept a second time
 * from the steps and what they returned. Blocks are taken from vmalloc's list, which a shared allocator does not keep.
 */
export class SharedTextAccount {
  /** Memory behind the allocator, with what it should read. */
  readonly blocks: JournaledArray<TextBlock>;
  /** Text in blocks that somebody holds, by address. */
  readonly held: RangeTree<Held>;
  /** The sum of what the owners were charged. */
  readonly account = { charge: 0 };
  last: SharingStep = { claimed: undefined, heldBy: undefined, newBlocks: [], touched: [] };
  readonly #world: World;
  readonly #holders: JournaledMap<object, Held>;
  readonly #owners: JournaledMap<object, Owner>;
  readonly #areas: JournaledMap<VmArea, TextBlock>;
  readonly #code: JournaledMap<object, number>;
  /** By module that is loading: what was poked into it since. */
  readonly #pokes: JournaledMap<object, readonly TextEvent[]>;
  readonly #touched = new Map<TextBlock, Set<number>>();
  #claimed: Owner | undefined;
  #heldBy: Owner | undefined;

  constructor(world: World) {
    const { journal } = world;
    this.#world = world;
    this.blocks = new JournaledArray<TextBlock>(journal);
    this.held = new RangeTree<Held>(journal);
    this.#holders = new JournaledMap<object, Held>(journal);
    this.#owners = new JournaledMap<object, Owner>(journal);
    this.#areas = new JournaledMap<VmArea, TextBlock>(journal);
    this.#code = new JournaledMap<object, number>(journal);
    this.#pokes = new JournaledMap<object, readonly TextEvent[]>(journal);
    this.#adoptTail();
  }

  follow(world: World, happened: Happened): void {
    const { operation, taken, changes } = happened;
    this.#claimed = this.#heldBy = undefined;
    this.#touched.clear();
    if (operation.name === 'do_jit') this.#code.set(taken.prog as object, taken.code as number);
    if (operation.name === 'apply_relocations') this.#code.set(taken.mod as object, taken.code as number);
    const newBlocks = this.#followBlocks();
    const events = textEvents(world, happened, (object) => this.#code.get(object));
    for (const event of events) this.#apply(event);
    this.#followDispatcher();
    this.#followPokes(operation.name, taken.mod as object, events);
    for (const frame of changes.of(Frame)) this.#touchFrame(frame);
    if (happened.returned instanceof Refusal || world.failing.failed !== undefined) this.#adoptTraps();
    const touched = [...this.#touched].flatMap(([block, pages]) => [...pages].map((index) => ({ block, index })));
    this.last = { claimed: this.#claimed, heldBy: this.#heldBy, newBlocks, touched };
  }

  /** The block that holds the address. */
  blockAt(address: TextAddress): TextBlock | undefined {
    return this.blocks.items.find((block) => block.holds(address));
  }

  /** Every page of every block. */
  *pages(): Generator<TextPage> {
    for (const block of this.blocks.items) for (let index = 0; index < block.pageCount; index++) yield { block, index };
  }

  /** Who holds a byte of text. */
  ownerAt(address: TextAddress): Owner | undefined {
    return this.held.at(address)?.owner;
  }

  #apply(event: TextEvent): void {
    switch (event.kind) {
      case 'claim':
        this.#claim(event.owner);
        break;
      case 'release':
        this.#release(event.object);
        break;
      case 'transfer':
        this.#transfer(event.from, event.owner);
        break;
      case 'write':
        this.#write(event.address, event.bytes);
        break;
    }
  }

  #claim(owner: Owner): void {
    const { address, size, object } = owner;
    this.#claimed = owner;
    this.#charge(owner.charge);
    this.#owners.set(object, owner);
    if (this.blockAt(address) === undefined) return;
    const held = { start: address, end: address + size, owner };
    for (let met = this.#meeting(held); met !== undefined; met = this.#meeting(held)) {
      this.#heldBy = met.owner;
      this.held.remove(met.start);
    }
    this.held.insert(held);
    this.#holders.set(object, held);
  }

  #release(object: object): void {
    const held = this.#holders.get(object);
    this.#charge(-(this.#owners.get(object)?.charge ?? 0));
    this.#owners.delete(object);
    if (held === undefined) return;
    this.#holders.delete(object);
    if (this.held.at(held.start)?.owner === held.owner) this.held.remove(held.start);
    for (const block of this.blocks.items) {
      const [first, end] = [Math.max(held.start, block.address), Math.min(held.end, block.end)];
      if (first < end) this.#touch(block, block.fill(first, end - first, TRAP));
    }
  }

  /** The dispatcher has its image from the same allocator, and holds it for ever. */
  #followDispatcher(): void {
    const { image } = this.#world.text.dispatcher;
    if (image === undefined) return;
    const table = dispatcherTable.of(this.#world);
    if (table.imageAppeared) {
      this.#claim({ kind: 'dispatcher', address: image, size: PAGE, charge: 0, filler: 0, object: table });
    }
    if (table.due !== undefined) this.#write(image + table.due.half * table.due.bytes.length, table.due.bytes);
  }

  #charge(amount: number): void {
    if (amount !== 0) this.#world.journal.set(this.account, 'charge', this.account.charge + amount);
  }

  #transfer(from: object, owner: Owner): void {
    const held = this.#holders.get(from);
    if (held === undefined) return;
    const { start, end } = held;
    this.#holders.delete(from);
    this.#holders.set(owner.object, { start, end, owner });
    this.held.remove(start);
    this.held.insert({ start, end, owner });
  }

  #meeting({ start, end }: Range): Held | undefined {
    const below = this.held.at(start);
    const next = this.held.firstFrom(start);
    return below ?? (next !== undefined && next.start < end ? next : undefined);
  }

  /** A chunk may lie in two blocks. */
  #write(address: TextAddress, bytes: Uint8Array): void {
    const end = address + bytes.length;
    for (const block of this.blocks.items) {
      const first = Math.max(address, block.address);
      const past = Math.min(end, block.end);
      if (first < past) this.#touch(block, block.write(first, bytes.subarray(first - address, past - address)));
    }
  }

  /** What was poked into a module before its copy became text must be there after it. */
  #followPokes(name: string, mod: object, events: readonly TextEvent[]): void {
    if (POKES.has(name)) this.#pokes.set(mod, [...(this.#pokes.get(mod) ?? []), ...events]);
    if (name === 'module_enable_text_rox') for (const poke of this.#pokes.get(mod) ?? []) this.#apply(poke);
  }

  /** A request that got text and failed later, perhaps in silence, gave it back: what nobody holds may have turned into traps, wherever it was. */
  #adoptTraps(): void {
    const { memory } = this.#world.machine;
    for (const [block, pages] of this.#touched) {
      for (const index of pages) {
        const frame = memory.frame(block.frames[index]!);
        if (block.page(index) === (frame.uniformByte ?? TRAP)) continue;
        const start = block.address + index * PAGE;
        for (const { first, past } of this.#unheldIn(start, start + PAGE)) {
          if (frame.uniformByte === TRAP) block.fill(first, past - first, TRAP);
          else if (frame.uniformByte === undefined)
            adoptTrapsIn(block, first, frame.view().subarray(first - start, past - start));
        }
      }
    }
  }

  /** The parts of a stretch of text that nobody holds. */
  *#unheldIn(start: TextAddress, end: TextAddress): Generator<{ readonly first: number; readonly past: number }> {
    for (let first = this.held.at(start)?.end ?? start; first < end; ) {
      const next = this.held.firstFrom(first);
      const past = Math.min(end, next?.start ?? end);
      if (first < past) yield { first, past };
      first = next?.end ?? end;
    }
  }

  #followBlocks(): readonly TextBlock[] {
    const { vmalloc, sharing, journal } = this.#world;
    for (const [area, block] of [...this.#areas.entries()]) {
      if (vmalloc.areaAt(area.firstPage) === area) continue;
      this.#areas.delete(area);
      this.blocks.remove(this.blocks.items.indexOf(block));
    }
    const fresh: TextBlock[] = [];
    for (const area of sharing.shared.blocks.items) {
      if (this.#areas.has(area) || vmalloc.areaAt(area.firstPage) !== area) continue;
      const { frames } = area;
      const born = { address: textAddress(area.firstPage), frames, filler: sharing.shared.freshByte };
      const block = new TextBlock(journal, { kind: 'area', ...born });
      this.blocks.push(block);
      this.#areas.set(area, block);
      fresh.push(block);
      this.#touch(block, [0, block.pageCount]);
    }
    return fresh;
  }

  /** The end of the kernel's last text page holds what the linker left there. */
  #adoptTail(): void {
    const { sharing, machine, journal } = this.#world;
    const { tail } = sharing.shared;
    if (tail === undefined) return;
    const frames: number[] = [];
    for (let page = pageOfText(tail.start); page < pageOfText(tail.end - 1) + 1; page++) {
      frames.push(machine.kernelTables.translate(page)!.frame);
    }
    const block = new TextBlock(journal, { kind: 'area', address: tail.start, frames, filler: 0 });
    this.blocks.push(block);
    frames.forEach((frame, index) => {
      block.write(tail.start + index * PAGE, machine.memory.frame(frame).view());
    });
  }

  #touch(block: TextBlock, [first, end]: readonly [number, number]): void {
    let pages = this.#touched.get(block);
    if (pages === undefined) {
      pages = new Set();
      this.#touched.set(block, pages);
    }
    for (let index = first; index < end; index++) pages.add(index);
  }

  #touchFrame({ number }: Frame): void {
    for (const block of this.blocks.items) {
      const index = block.pageOfFrame.get(number);
      if (index !== undefined) this.#touch(block, [index, index + 1]);
    }
  }
}

/** Notes the traps found at an address as what should be there. */
function adoptTrapsIn(block: TextBlock, address: TextAddress, found: Uint8Array): void {
  for (let at = found.indexOf(TRAP); at >= 0 && at < found.length; ) {
    let past = at + 1;
    while (past < found.length && found[past] === TRAP) past++;
    block.fill(address + at, past - at, TRAP);
    at = found.indexOf(TRAP, past);
  }
}

const accounts = new WeakMap<World, SharedTextAccount>();

export const sharedTextAccount = {
  name: 'shared-text-account',
  begin(world: World): void {
    accounts.set(world, new SharedTextAccount(world));
  },
  follow(world: World, happened: Happened): void {
    accounts.get(world)!.follow(world, happened);
  },
  of: (world: World): SharedTextAccount => accounts.get(world)!,
} satisfies Ghost<World> & { of(world: World): SharedTextAccount };
