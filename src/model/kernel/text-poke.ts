import { assert } from '../../base/assert.ts';
import { bytesEqual } from '../../base/bytes.ts';
import type { Journal } from '../../base/journal.ts';
import { PAGE_SIZE } from '../../base/page.ts';
import type { Cpu, Machine } from '../machine/machine.ts';
import { type AddressSpace, WRITE } from '../machine/mmu.ts';
import { GLOBAL, KERNEL_DATA, USER_TABLE } from '../machine/page-table-entry.ts';
import type { KernelAccess } from './kernel-access.ts';
import type { KernelImage } from './kernel-image.ts';
import type { KernelLog } from './kernel-log.ts';
import { contains } from './layout.ts';
import { type Locks, textMutex } from './locks.ts';

/** A byte of kernel text. The offset may be PAGE_SIZE or more. */
export interface TextPlace {
  readonly page: number;
  readonly offset: number;
}

interface Parts {
  readonly journal: Journal;
  readonly machine: Machine;
  readonly locks: Locks;
  readonly log: KernelLog;
  readonly image: KernelImage;
  readonly access: KernelAccess;
}

/**
 * Writes to read-only text (arch/x86/kernel/alternative.c: __text_poke() and its callers). The text's own mapping stays as it
 * is; one CPU writes through a second mapping in a private address space that no other CPU ever runs in.
 */
export class TextPoke {
  /** text_poke_mm: its user half holds nothing but the temporary alias. */
  readonly space: AddressSpace;
  /** text_poke_mm_addr: where the alias appears. The page behind it serves writes that cross a page boundary. */
  readonly aliasPage = ALIAS_PAGE;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { machine } = parts;
    const user = machine.newPageTable();
    this.space = { id: POKE_SPACE, kernel: machine.kernelTables, user };
    const place = user.place(ALIAS_PAGE, 1, () => machine.memory.allocate('page-table'), USER_TABLE);
    assert(place !== undefined && place.index < 511, 'poking_init() finds memory, and both alias pages share a table');
  }

  /** text_poke_copy(): false stands for NULL, the answer to core kernel text. Writes of length 0 do nothing. */
  copy(cpu: Cpu, place: TextPlace, bytes: Uint8Array): boolean {
    return this.#pieces(place, bytes.length, (at, done, length) => {
      this.poke(cpu, at, bytes.subarray(done, done + length));
    });
  }

  /** text_poke_set(): fills with one byte and does not read back. */
  set(cpu: Cpu, place: TextPlace, byte: number, length: number): boolean {
    return this.#pieces(place, length, (at, _, pieceLength) => {
      this.write(cpu, at, new Uint8Array(pieceLength).fill(byte));
    });
  }

  /** text_poke(): the caller holds text_mutex; at most two pages; core text allowed. Reads back through the text's mapping. */
  poke(cpu: Cpu, at: TextPlace, bytes: Uint8Array): void {
    this.write(cpu, at, bytes);
    const found = this.#parts.access.peek(at.page, at.offset, bytes.length);
    if (found === undefined || !bytesEqual(found, bytes)) this.#parts.log.bug('text_poke: read back other bytes');
  }

  /** __text_poke(): alias in, switch, write, alias out, switch back, flush here. */
  write(cpu: Cpu, at: TextPlace, bytes: Uint8Array): void {
    const { journal, machine } = this.#parts;
    const page = at.page + Math.floor(at.offset / PAGE_SIZE);
    const offset = at.offset % PAGE_SIZE;
    const pageCount = offset + bytes.length > PAGE_SIZE ? 2 : 1;
    const frames = this.#framesOf(page, pageCount);
    if (frames === undefined) {
      this.#parts.log.bug('text_poke: no page behind the text');
      return;
    }
    const { space } = cpu;
    const wasOff = cpu.interruptsOff;
    journal.set(cpu, 'interruptsOff', true);
    this.mapAlias(frames);
    journal.set(cpu, 'space', this.space);
    this.#store(cpu, offset, bytes);
    this.unmapAlias(pageCount);
    journal.set(cpu, 'space', space);
    this.flushAlias(machine, cpu);
    journal.set(cpu, 'interruptsOff', wasOff);
  }

  mapAlias(frames: readonly number[]): void {
    for (let index = 0; index < frames.length; index++) this.#setAlias(index, frames[index]!, this.aliasFlags());
  }

  /** PAGE_KERNEL without GLOBAL: writable, never executable. */
  aliasFlags(): number {
    return KERNEL_DATA & ~GLOBAL;
  }

  unmapAlias(pageCount: number): void {
    for (let index = 0; index < pageCount; index++) this.#setAlias(index, 0, 0);
  }

  /** Only this CPU ever ran in the space, so only it can hold the alias. */
  flushAlias(machine: Machine, cpu: Cpu): void {
    machine.flushSpaceOn(cpu, this.space);
  }

  isCoreText({ page, offset }: TextPlace): boolean {
    return contains(this.#parts.image.text, page + Math.floor(offset / PAGE_SIZE));
  }

  /** Cuts into pieces of at most two pages under text_mutex. */
  #pieces(place: TextPlace, length: number, write: (at: TextPlace, done: number, length: number) => void): boolean {
    if (this.isCoreText(place)) {
      this.#parts.log.warn('text_poke_copy: core kernel text');
      return false;
    }
    this.#parts.locks.holding(textMutex, () => {
      for (let done = 0; done < length; ) {
        const at = { page: place.page, offset: place.offset + done };
        const pieceLength = Math.min(2 * PAGE_SIZE - (at.offset % PAGE_SIZE), length - done);
        write(at, done, pieceLength);
        done += pieceLength;
      }
    });
    return true;
  }

  #store(cpu: Cpu, offset: number, bytes: Uint8Array): void {
    const { machine } = this.#parts;
    for (let done = 0; done < bytes.length; ) {
      const at = offset + done;
      const frame = cpu.mmu.translate(this.space, ALIAS_PAGE + Math.floor(at / PAGE_SIZE), WRITE);
      const length = Math.min(PAGE_SIZE - (at % PAGE_SIZE), bytes.length - done);
      assert(frame >= 0, 'the alias is mapped writable');
      machine.memory.frame(frame).write(at % PAGE_SIZE, bytes.subarray(done, done + length));
      done += length;
    }
  }

  #framesOf(page: number, pageCount: number): readonly number[] | undefined {
    const { kernelTables } = this.#parts.machine;
    const frames: number[] = [];
    for (let at = page; at < page + pageCount; at++) {
      const found = kernelTables.translate(at);
      if (found === undefined) return undefined;
      frames.push(found.frame);
    }
    return frames;
  }

  #setAlias(index: number, frame: number, flags: number): void {
    const { table, index: at } = this.space.user!.walk(ALIAS_PAGE + index);
    table.setEntry(at, frame, flags);
  }
}

/** A page of the user half, fixed here as it is fixed at boot there. */
const ALIAS_PAGE = 0x7f5a4_5c00;
/** The number of the poking address space; processes come after it. */
const POKE_SPACE = 1;
