import { type Journal, JournaledArray, JournaledMap } from '../../base/journal.ts';
import type { Ghost, Happened } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import { pageOfText, type TextAddress } from '../../model/kernel/text-address.ts';
import { Frame } from '../../model/machine/frame.ts';
import type { World } from '../../model/world.ts';
import { dispatcherTable } from './dispatcher-table.ts';
import { TextBlock } from './text-blocks.ts';
import type { Owner, TextEvent } from './text-event.ts';
import { textEvents } from './text-events.ts';

/** A page of a block. */
export interface TextPage {
  readonly block: TextBlock;
  readonly index: number;
}

/** Text that the last step handed out. */
export interface Claim {
  readonly owner: Owner;
  readonly block: TextBlock;
  /** Whether the block was made for it. */
  readonly inNewBlock: boolean;
  /** Who held some of its chunks already. */
  readonly heldBy: Owner | undefined;
  /** Where first fit by age of the pack, then address, would have placed it; undefined where no pack had room. */
  readonly firstFit: TextAddress | undefined;
}

/** Operations that fail in silence, as the dispatcher's callers want it. */
const CHANGES_DISPATCHER = new Set([
  'dev_xdp_install',
  'bpf_dispatcher_attach',
  'bpf_dispatcher_detach',
  'bpf_dispatcher_change_prog',
]);

const TRAP = 0xcc;
const CHUNK = 64;
const PAGE = 4096;

/**
 * Who holds which text, what it costs and what every byte of it should read: the allocators' account kept a second time, from
 * the steps and what they returned, by other means. Laws hold bitmaps, charges and memory against it.
 */
export class TextOwners {
  /** Packs and areas in order of their making. */
  readonly blocks: JournaledArray<TextBlock>;
  /** By what the operation returned. */
  readonly owners: JournaledMap<object, Owner>;
  /** The sum of the owners' charges. */
  readonly account = { charge: 0 };
  /** Bytes of a pack on this kernel and machine. */
  readonly packBytes: number;
  /** Of the last step: what it handed out, who gave text back, and the pages whose content it changed or should have. */
  readonly claims: Claim[] = [];
  ended: Owner | undefined;
  touchedPages: readonly TextPage[] = [];
  readonly #journal: Journal;
  readonly #code: JournaledMap<object, number>;
  readonly #touched = new Map<TextBlock, Set<number>>();

  constructor({ journal, text, machine }: World) {
    const { packBytes, packGrowsWithNodes } = text.profile;
    this.#journal = journal;
    this.packBytes = packBytes * (packGrowsWithNodes ? machine.configuration.nodes : 1);
    this.blocks = new JournaledArray<TextBlock>(journal);
    this.owners = new JournaledMap<object, Owner>(journal);
    this.#code = new JournaledMap<object, number>(journal);
  }

  blockAt(address: TextAddress): TextBlock | undefined {
    return this.blocks.items.find((block) => block.holds(address));
  }

  follow(world: World, happened: Happened): void {
    const { operation, taken, changes } = happened;
    this.claims.length = 0;
    this.ended = undefined;
    this.#touched.clear();
    if (operation.name === 'do_jit') this.#code.set(taken.prog as object, taken.code as number);
    for (const event of textEvents(world, happened, (binary) => this.#code.get(binary))) this.#apply(world, event);
    this.#followDispatcher(world);
    for (const frame of changes.of(Frame)) this.#touchFrame(frame);
    if (happened.returned instanceof Refusal || CHANGES_DISPATCHER.has(operation.name)) this.#adoptLeftovers(world);
    this.touchedPages = [...this.#touched].flatMap(([block, pages]) => [...pages].map((index) => ({ block, index })));
  }

  /** Every page of every block. */
  *pages(): Generator<TextPage> {
    for (const block of this.blocks.items) for (let index = 0; index < block.pageCount; index++) yield { block, index };
  }

  #apply(world: World, event: TextEvent): void {
    switch (event.kind) {
      case 'claim':
        this.#claim(world, event.owner);
        break;
      case 'release':
        this.#release(world, event);
        break;
      case 'write': {
        const block = this.blockAt(event.address);
        if (block !== undefined) this.#touch(block, block.write(event.address, event.bytes));
        break;
      }
    }
  }

  #claim(world: World, owner: Owner): void {
    const { address, size, charge } = owner;
    const known = this.blockAt(address);
    const inPack = owner.kind !== 'pages' && size <= this.packBytes;
    const firstFit = inPack ? this.#firstFit(Math.ceil(size / CHUNK)) : undefined;
    const block = known ?? this.#newBlock(world, owner, inPack ? 'pack' : owner.kind === 'pages' ? 'pages' : 'area');
    const chunk = block.chunkAt(address);
    const count = inPack ? Math.ceil(size / CHUNK) : (block.pageCount * PAGE) / CHUNK;
    const heldBy = block.ownerAmong(chunk, count);
    this.claims.push({ owner, block, inNewBlock: known === undefined, heldBy, firstFit });
    block.claim(chunk, count, owner);
    this.owners.set(owner.object, owner);
    this.#charge(charge);
  }

  #release(world: World, { address, size, object }: Extract<TextEvent, { kind: 'release' }>): void {
    const owner = this.owners.get(object);
    if (owner !== undefined) {
      this.owners.delete(object);
      this.#charge(-owner.charge);
      this.ended = owner;
    }
    const block = this.blockAt(address);
    if (block === undefined) return;
    if (owner?.kind === 'pages' || size > this.packBytes) {
      if (address % PAGE === 0) this.#forget(block);
      return;
    }
    if (block.kind !== 'pack') return;
    if (world.text.profile.invalidatesFreedText) this.#touch(block, block.fill(address, size, TRAP));
    block.release(block.chunkAt(address), Math.ceil(size / CHUNK));
    if (block.runs.length === 0) this.#forget(block);
  }

  #followDispatcher(world: World): void {
    const table = dispatcherTable.of(world);
    const { image } = world.text.dispatcher;
    if (image === undefined) return;
    if (table.imageAppeared) {
      const owner: Owner = { kind: 'dispatcher', address: image, size: PAGE, charge: 0, filler: 0, object: table };
      this.#claim(world, owner);
    }
    if (table.due !== undefined) {
      const { half, bytes } = table.due;
      this.#apply(world, { kind: 'write', address: image + half * bytes.length, bytes });
    }
  }

  #firstFit(count: number): TextAddress | undefined {
    for (const block of this.blocks.items) {
      if (block.kind !== 'pack') continue;
      const gap = block.lowestGap(count, this.packBytes / CHUNK);
      if (gap !== undefined) return block.address + gap * CHUNK;
    }
    return undefined;
  }

  /** Reads the frames of fresh memory from the tables: up to the guard page behind it. */
  #newBlock({ machine, text }: World, owner: Owner, kind: TextBlock['kind']): TextBlock {
    const { address } = owner;
    const wanted = Math.ceil((kind === 'pack' ? this.packBytes : owner.size) / PAGE);
    const frames: number[] = [];
    for (let page = pageOfText(address); frames.length < wanted || kind !== 'pack'; page++) {
      const found = machine.kernelTables.translate(page);
      if (found === undefined) break;
      frames.push(found.frame);
    }
    const block = new TextBlock(this.#journal, { kind, address, frames, filler: owner.filler });
    this.blocks.push(block);
    if (text.profile.freshPack === 'recycled' && kind === 'pack') this.#adoptRecycled(block, machine.memory);
    return block;
  }

  /** Where a kernel fills no pack at birth, whatever its frames held is what it holds. */
  #adoptRecycled(block: TextBlock, memory: World['machine']['memory']): void {
    block.frames.forEach((frame, index) => {
      block.write(block.address + index * PAGE, memory.frame(frame).view());
    });
  }

  /**
   * A request that got text and failed later gave it back filled with traps, wherever it was: what nobody holds and nobody was
   * due to write may have turned from one filler, or from what a stray poke left there, into the other. Where a kernel does not
   * refill what is freed, it may hold anything.
   */
  #adoptLeftovers({ machine, text }: World): void {
    const leaves = !text.profile.invalidatesFreedText;
    for (const [block, pages] of this.#touched) {
      for (const index of pages) {
        const frame = machine.memory.frame(block.frames[index]!);
        if (frame.uniformByte !== undefined && frame.uniformByte === block.page(index)) continue;
        for (let at = 0; at < PAGE; at += CHUNK) {
          const address = block.address + index * PAGE + at;
          if (block.ownerOf(block.chunkAt(address)) !== undefined) continue;
          const bytes = frame.read(at, CHUNK);
          if (leaves || bytes.every((byte) => byte === TRAP)) block.write(address, bytes);
        }
      }
    }
  }

  #forget(block: TextBlock): void {
    this.blocks.remove(this.blocks.items.indexOf(block));
    this.#touched.delete(block);
  }

  #charge(amount: number): void {
    if (amount !== 0) this.#journal.set(this.account, 'charge', this.account.charge + amount);
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

const accounts = new WeakMap<World, TextOwners>();

export const textOwners = {
  name: 'text-owners',
  begin(world: World): void {
    accounts.set(world, new TextOwners(world));
  },
  follow(world: World, happened: Happened): void {
    accounts.get(world)!.follow(world, happened);
  },
  of: (world: World): TextOwners => accounts.get(world)!,
} satisfies Ghost<World> & { of(world: World): TextOwners };
