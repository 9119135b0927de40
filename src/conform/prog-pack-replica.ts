import { PAGE_SIZE, PAGES_PER_2M } from '../base/page.ts';
import { roundUp } from '../base/word.ts';
import { CHUNK_BYTES, chunksFor, HEADER_BYTES } from '../model/kernel/binary-header.ts';
import type { Binary } from '../model/kernel/binary-pack.ts';
import { type Pack, TRAP } from '../model/kernel/prog-pack.ts';
import { pageOfText, type TextAddress } from '../model/kernel/text-address.ts';
import type { EntryPlace, LeafLevel } from '../model/machine/page-table.ts';
import { isExecutable, isPresent, isWritable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import type { Label, PackProgram, Permissions } from './prog-pack-record.ts';

/** Bytes of one entry of a program's exception table, which stands behind its code. */
const EXCEPTION_ENTRY_BYTES = 12;
/** The JIT aligns the image, and the table behind the code, like an exception table entry. */
const JIT_ALIGN = 4;

/** A piece of text that the model handed out, where the recorder would say it lies. */
export interface PlacedPart {
  readonly pack: Label;
  readonly chunk: number;
  readonly size: number;
}

/**
 * The model's side of a recorded sequence: the same programs, and what the recorder would have seen of packs and areas. Packs
 * are numbered in order of their appearance, as in the recording.
 */
export class PackReplica {
  readonly #world: World;
  readonly #programs = new Map<number, readonly Binary[]>();
  readonly #packLabels = new Map<Pack, number>();
  readonly #areas: { readonly address: TextAddress; readonly pageCount: number; live: boolean }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /**
   * Loads a program as the JIT does: every part is laid out first, the main program before its subprograms, and all are
   * finalized at the end. Code lengths and starts are those of the record.
   */
  load({ id, extable, parts }: PackProgram): void {
    const { binaries, packs } = this.#world.text;
    const loaded = parts.map(({ jited, imageOffset }, index) => {
      const length = roundUp(jited, JIT_ALIGN) + (index === 0 ? extable * EXCEPTION_ENTRY_BYTES : 0);
      const random = imageOffset - HEADER_BYTES;
      const binary = binaries.allocate({ length, align: JIT_ALIGN, random, capable: true, cpu: 0 });
      if (binary === undefined) throw new RangeError(`program ${id} got no memory on the model`);
      const pack = packs.packOf(binary.header);
      if (pack === undefined) this.#noteArea(binary.header);
      else if (!this.#packLabels.has(pack)) this.#packLabels.set(pack, this.#packLabels.size);
      return binary;
    });
    for (const binary of loaded) binaries.finalize(binary, 0);
    this.#programs.set(id, loaded);
  }

  /** Unloads a program. */
  close(id: number): void {
    for (const binary of this.#programs.get(id) ?? []) this.#world.text.binaries.release(binary, 0);
    this.#programs.delete(id);
  }

  /** Where the parts of a live program lie. */
  partsOf(id: number): readonly PlacedPart[] {
    const { packs, memory } = this.#world.text;
    return (this.#programs.get(id) ?? []).map(({ header }) => {
      const size = memory.readWord(header, 0) ?? -1;
      const pack = packs.packOf(header);
      if (pack !== undefined) {
        return { pack: this.#packLabels.get(pack)!, chunk: (header - pack.address) / CHUNK_BYTES, size };
      }
      return {
        pack: `area${this.#areas.findIndex(({ live, address }) => live && address === header)}`,
        chunk: 0,
        size,
      };
    });
  }

  /** Where each part's image starts: where the record says it did, if it may start there. */
  imageOffsets(id: number): readonly number[] {
    return (this.#programs.get(id) ?? []).map(({ header, image }) => image - header);
  }

  /** The packs that live now, by their number. */
  packs(): readonly { readonly pack: number; readonly used: readonly (readonly [number, number])[] }[] {
    return this.#livePacks().map((pack) => ({ pack: this.#packLabels.get(pack)!, used: [...pack.chunks.setRuns()] }));
  }

  /** For each live pack what the recorder read from its pages. */
  packPages() {
    return this.#livePacks().map((pack) => ({
      pack: this.#packLabels.get(pack)!,
      freeChunksAllTrap: this.#freeChunksAreTraps(pack),
      ...this.#pagesOf(pack.address, pack.area.pageCount),
    }));
  }

  /** The dedicated areas that live now. */
  areas() {
    return this.#areas.flatMap(({ address, pageCount, live }, area) =>
      live && this.#areaAt(address) ? [{ area, pages: pageCount, ...this.#pagesOf(address, pageCount) }] : [],
    );
  }

  /** Packs and areas that have appeared so far and not gone: `released` is what one step takes out of this set. */
  liveLabels(): ReadonlySet<Label> {
    for (const area of this.#areas) area.live &&= this.#areaAt(area.address);
    const areas = this.#areas.flatMap(({ live }, index) => (live ? [`area${index}`] : []));
    return new Set<Label>([...this.#livePacks().map((pack) => this.#packLabels.get(pack)!), ...areas]);
  }

  /** How many pages of a pack or an area are mapped, whether or not it still lives. */
  pagesPresent(label: Label): number {
    const pack = [...this.#packLabels].find(([, number]) => number === label)?.[0];
    const area = pack?.area ?? this.#areas.find((_, index) => label === `area${index}`);
    if (area === undefined) return 0;
    const first = pageOfText(area.address);
    const pages = Array.from({ length: area.pageCount }, (_, index) => first + index);
    return this.#permissions(pages).present;
  }

  /** What a freed part reads as: its memory is gone, all its bytes are traps, or neither. */
  stateOf({ pack: label, chunk, size }: PlacedPart): 'released' | 'trap' | 'other' {
    const pack = this.#livePacks().find((live) => this.#packLabels.get(live) === label);
    if (pack === undefined) return this.liveLabels().has(label) ? 'other' : 'released';
    return this.#areTraps(pack, chunk, chunk + chunksFor(size)) ? 'trap' : 'other';
  }

  #livePacks(): readonly Pack[] {
    return this.#world.text.packs.packs.items;
  }

  #noteArea(address: TextAddress): void {
    const area = this.#world.vmalloc.areaAt(pageOfText(address));
    this.#areas.push({ address, pageCount: area?.pageCount ?? 0, live: true });
  }

  #areaAt(address: TextAddress): boolean {
    return this.#world.vmalloc.areaAt(pageOfText(address)) !== undefined;
  }

  #freeChunksAreTraps(pack: Pack): boolean {
    let first = 0;
    for (const [from, last] of pack.chunks.setRuns()) {
      if (!this.#areTraps(pack, first, from)) return false;
      first = last + 1;
    }
    return this.#areTraps(pack, first, pack.chunks.length);
  }

  /** Whether the chunks [first, end) hold nothing but traps. */
  #areTraps({ area }: Pack, first: number, end: number): boolean {
    const { machine, vmalloc } = this.#world;
    const { frames } = vmalloc.areaAt(area.firstPage)!;
    for (let at = first * CHUNK_BYTES; at < end * CHUNK_BYTES; ) {
      const frame = machine.memory.frame(frames[Math.floor(at / PAGE_SIZE)]!);
      const inPage = at % PAGE_SIZE;
      const length = Math.min(PAGE_SIZE - inPage, end * CHUNK_BYTES - at);
      if (
        frame.uniformByte !== TRAP &&
        !TRAPS.subarray(0, length).equals(frame.view().subarray(inPage, inPage + length))
      ) {
        return false;
      }
      at += length;
    }
    return true;
  }

  #pagesOf(address: TextAddress, pageCount: number) {
    const { vmalloc, directMap, machine } = this.#world;
    const first = pageOfText(address);
    const frames = vmalloc.areaAt(first)?.frames ?? [];
    return {
      guardAfter: machine.kernelTables.leaf(first + pageCount) === undefined,
      va: this.#permissions(frames.map((_, index) => first + index)),
      alias: this.#permissions(frames.map((frame) => directMap.pageOf(frame))),
    };
  }

  /** Neighbouring pages mostly share a table, which is then not searched for again. */
  #permissions(pages: readonly number[]): Permissions {
    const { kernelTables } = this.#world.machine;
    const found = { present: 0, writable: 0, executable: 0, levels: {} as Record<string, number> };
    let place: EntryPlace | undefined;
    let span = -1;
    for (const page of pages) {
      if (place === undefined || Math.floor(page / PAGES_PER_2M) !== span) {
        place = kernelTables.walk(page);
        span = Math.floor(page / PAGES_PER_2M);
      }
      const flags = place.table.entryFlags(place.level === 1 ? page % PAGES_PER_2M : place.index);
      if (!isPresent(flags)) continue;
      const level = LEVEL_NAMES[place.level as LeafLevel];
      found.present++;
      if (isWritable(flags)) found.writable++;
      if (isExecutable(flags)) found.executable++;
      found.levels[level] = (found.levels[level] ?? 0) + 1;
    }
    return found;
  }
}

/** A page of traps to compare with. */
const TRAPS = Buffer.alloc(PAGE_SIZE, TRAP);
const LEVEL_NAMES = { 1: '4K', 2: '2M', 3: '1G' } as const;
