import type { Bus, Access as BusAccess } from './cpu/bus.ts';
import type { Frame } from './frame.ts';
import type { Cpu } from './machine.ts';
import { type Access, FETCH, faultCodeOf, NOT_CANONICAL, READ, WRITE } from './mmu.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/**
 * Memory as one CPU of the machine sees it: every load, store and fetch goes through that CPU's TLB and the page tables, with
 * their rights, and lands in a frame. A bus serves one run, which is one step: what it opened for writing is recorded in the
 * journal once, so nothing else may set a mark before it is done with. Page tables are not changed by modelled BPF code, so a
 * page keeps its rights while the bus lives.
 */
export class CpuBus implements Bus {
  frame: DataView = new DataView(new ArrayBuffer(0));
  readonly frameStart = 0;
  errorCode = 0;
  codeGeneration = 0;
  codeEpoch = 0;

  /** By page: the frames that instructions were fetched from. */
  readonly fetched = new Map<number, number>();
  /** Where runs of instructions began, as signed numbers. */
  readonly executed = new Set<number>();
  /** By frame number: what a frame held before anything was written to it here. */
  readonly before = new Map<number, Uint8Array>();

  readonly #cpu: Cpu;
  readonly #memory: PhysicalMemory;
  /** By frame number: what is read. */
  readonly #views = new Map<number, DataView>();
  /** By frame number: what is read and written. */
  readonly #opened = new Map<number, DataView>();
  /** By frame number: the name of its content as code, while nobody opens it for writing. */
  readonly #generations = new Map<number, number>();
  #lastGeneration = 0;
  /** By the low bits of a page's number: where it was found last, for reading and for writing. */
  readonly #read: (Found | undefined)[] = new Array(FOUND).fill(undefined);
  readonly #written: (Found | undefined)[] = new Array(FOUND).fill(undefined);

  constructor(cpu: Cpu, memory: PhysicalMemory) {
    this.#cpu = cpu;
    this.#memory = memory;
  }

  reach(lo: number, hi: number, access: BusAccess): boolean {
    if (access === 'execute') return this.#find(lo, hi, access);
    const known = (access === 'write' ? this.#written : this.#read)[(lo >>> 12) % FOUND];
    if (known === undefined || known.lo !== (lo & ~0xfff) || known.hi !== hi) return this.#find(lo, hi, access);
    this.frame = known.frame;
    return true;
  }

  #find(lo: number, hi: number, access: BusAccess): boolean {
    const page = (hi >>> 0) * 2 ** 20 + (lo >>> 12);
    const number = this.#cpu.mmu.translate(this.#cpu.space, page, ACCESSES[access]);
    if (number < 0) {
      this.errorCode = number === NOT_CANONICAL ? 0 : faultCodeOf(number);
      return false;
    }
    if (access === 'execute') {
      this.codeGeneration = this.#generationOf(number);
      this.fetched.set(page, number);
    }
    this.frame = access === 'write' ? this.#openForWriting(number) : (this.#opened.get(number) ?? this.#viewOf(number));
    const found = { lo: lo & ~0xfff, hi, frame: this.frame };
    if (access !== 'execute') (access === 'write' ? this.#written : this.#read)[(lo >>> 12) % FOUND] = found;
    return true;
  }

  begins(lo: number, hi: number): void {
    this.executed.add(hi * 2 ** 32 + (lo >>> 0));
  }

  #viewOf(number: number): DataView {
    const known = this.#views.get(number);
    if (known !== undefined) return known;
    const view = viewOf(this.#memory.frame(number).view());
    this.#views.set(number, view);
    return view;
  }

  /** Writing to bytes that were fetched makes decoded instructions stale. */
  #openForWriting(number: number): DataView {
    if (this.#generations.delete(number)) this.codeEpoch++;
    const known = this.#opened.get(number);
    if (known !== undefined) return known;
    const frame: Frame = this.#memory.frame(number);
    this.before.set(number, frame.view().slice());
    const view = viewOf(frame.open());
    this.#opened.set(number, view);
    this.#read.fill(undefined);
    return view;
  }

  #generationOf(number: number): number {
    const known = this.#generations.get(number);
    if (known !== undefined) return known;
    this.#written.fill(undefined);
    this.#generations.set(number, ++this.#lastGeneration);
    return this.#lastGeneration;
  }
}

/** Where a page's bytes are. */
interface Found {
  readonly lo: number;
  readonly hi: number;
  readonly frame: DataView;
}

/** Pages found that a bus remembers for either use: a program has its stack, its context and a few pages of arenas. */
const FOUND = 64;

const ACCESSES: Readonly<Record<BusAccess, Access>> = { read: READ, write: WRITE, execute: FETCH };

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
