import { type Access, type Bus, ERROR_FETCH, ERROR_PRESENT, ERROR_WRITE } from './bus.ts';
import { highHalf, joinHalves, lowHalf } from './register-file.ts';

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
  errorCode = 0;
  codeGeneration = 0;
  codeEpoch = 0;

  readonly #pages = new Map<bigint, Page>();

  /** The page found last for each value of the low page-number bits, so that a loop asks the map only once. */
  readonly #recent: (Page | undefined)[] = new Array(256).fill(undefined);

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

  reach(lo: number, hi: number, access: Access): boolean {
    const page = this.#find(lo, hi);
    if (page === undefined) return this.#refuse(access, 0);
    if (access === 'write') {
      if (!page.writable) return this.#refuse(access, ERROR_PRESENT);
      if (page.fetched) this.#noteWrite(page);
    } else if (access === 'execute') {
      if (!page.executable) return this.#refuse(access, ERROR_PRESENT);
      page.fetched = true;
      this.codeGeneration = page.generation;
    }
    this.frame = page.frame;
    return true;
  }

  #find(lo: number, hi: number): Page | undefined {
    const slot = (lo >>> 12) & 0xff;
    const recent = this.#recent[slot];
    if (recent !== undefined && recent.lo === (lo & ~0xfff) && recent.hi === hi) return recent;
    const page = this.#pages.get(joinHalves(lo, hi) & ~0xfffn);
    if (page !== undefined) this.#recent[slot] = page;
    return page;
  }

  #refuse(access: Access, present: number): false {
    const use = access === 'write' ? ERROR_WRITE : access === 'execute' ? ERROR_FETCH : 0;
    this.errorCode = present | use;
    return false;
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

class Page {
  readonly lo: number;
  readonly hi: number;
  readonly frame: DataView;
  readonly writable: boolean;
  readonly executable: boolean;
  fetched = false;
  generation = newGeneration();

  constructor(start: bigint, frame: DataView, rights: Rights) {
    this.lo = lowHalf(start);
    this.hi = highHalf(start);
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
