import { type Access, type Bus, EXECUTE, PROTECTION, REACHED, WRITE } from './bus.ts';

/** What may be done with a page of {@link FlatMemory}. Reading is always allowed. */
export interface Rights {
  readonly write?: boolean;
  readonly execute?: boolean;
}

/**
 * Memory without page tables: pages at virtual addresses, each with its bytes and rights. It serves tests, recorded
 * programs and the BPF interpreter on its own. Left out is everything a translation can get wrong, so a fault here is
 * always the program's.
 */
export class FlatMemory implements Bus {
  frame: DataView = new DataView(new ArrayBuffer(0));
  readonly frameStart = 0;
  codeGeneration = 0;
  codeEpoch = 0;

  readonly #pages = new Map<bigint, Page>();

  /** The page found last for each value of the low page-number bits, so that a loop asks the map only once. */
  readonly #recent: (Page | undefined)[] = new Array(RECENT_PAGES).fill(undefined);

  /** Makes the pages of [address, address + length) present and zero, or changes the rights of those that are. */
  map(address: bigint, length: number, rights: Rights = { write: true }): void {
    const end = address + BigInt(length);
    for (let start = address & ~0xfffn; start < end; start += 0x1000n) {
      const bytes = this.#pages.get(start)?.frame ?? new DataView(new ArrayBuffer(4096));
      this.#pages.set(start, new Page(start, bytes, rights));
    }
    this.#forget();
  }

  unmap(address: bigint, length: number): void {
    const end = address + BigInt(length);
    for (let start = address & ~0xfffn; start < end; start += 0x1000n) this.#pages.delete(start);
    this.#forget();
  }

  /** Changes bytes whatever the rights, as a debugger would. The pages must be present. */
  write(address: bigint, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const { page, offset } = this.#locate(address + BigInt(done));
      const part = bytes.subarray(done, done + 4096 - offset);
      new Uint8Array(page.frame.buffer).set(part, offset);
      this.#noteWrite(page);
      done += part.length;
    }
  }

  /** Copies bytes out. The pages must be present. */
  read(address: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { page, offset } = this.#locate(address + BigInt(done));
      const part = new Uint8Array(page.frame.buffer).subarray(offset, offset + length - done);
      bytes.set(part, done);
      done += part.length;
    }
    return bytes;
  }

  reach(lo: number, hi: number, access: Access): number {
    const slot = (lo >>> 12) & (RECENT_PAGES - 1);
    let page = this.#recent[slot];
    if (page === undefined || page.lo !== (lo & ~0xfff) || page.hi !== hi) {
      page = this.#pages.get(wideAddress(lo, hi) & ~0xfffn);
      if (page === undefined) return access;
      this.#recent[slot] = page;
    }
    if (access === WRITE) {
      if (!page.writable) return access | PROTECTION;
      if (page.fetched) this.#noteWrite(page);
    } else if (access === EXECUTE) {
      if (!page.executable) return access | PROTECTION;
      page.fetched = true;
      this.codeGeneration = page.generation;
    }
    this.frame = page.frame;
    return REACHED;
  }

  /** Writing to bytes that were fetched makes decoded instructions stale, whoever holds them. */
  #noteWrite(page: Page): void {
    page.generation = newGeneration();
    page.fetched = false;
    this.codeEpoch++;
  }

  #forget(): void {
    this.#recent.fill(undefined);
    this.codeEpoch++;
  }

  #locate(address: bigint): { readonly page: Page; readonly offset: number } {
    const page = this.#pages.get(address & ~0xfffn);
    if (page === undefined) throw new RangeError(`no memory at 0x${address.toString(16)}`);
    return { page, offset: Number(address & 0xfffn) };
  }
}

const RECENT_PAGES = 256;

class Page {
  readonly lo: number;
  readonly hi: number;
  readonly frame: DataView;
  readonly writable: boolean;
  readonly executable: boolean;
  fetched = false;
  generation = newGeneration();

  constructor(start: bigint, frame: DataView, rights: Rights) {
    this.lo = Number(BigInt.asIntN(32, start));
    this.hi = Number(BigInt.asIntN(32, start >> 32n));
    this.frame = frame;
    this.writable = rights.write ?? false;
    this.executable = rights.execute ?? false;
  }
}

let generations = 0;

/** Unique among all flat memories, so that a cache of decoded code may outlive any of them. */
function newGeneration(): number {
  return ++generations;
}

function wideAddress(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}
