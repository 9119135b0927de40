import { PAGE_SIZE } from '../../base/page.ts';
import type { Cpu, Machine } from '../machine/machine.ts';
import { type Access, FETCH, faultCodeOf, NOT_CANONICAL, READ, WRITE } from '../machine/mmu.ts';

/** What stopped an access: a page fault with its error code, or a page that is not canonical (#GP). */
export interface AccessFault {
  readonly kind: 'page-fault' | 'general-protection';
  readonly page: number;
  /** SDM vol. 3A, 6.15; 0 for #GP. */
  readonly errorCode: number;
}

/**
 * Loads, stores and fetches of kernel code on one CPU, through its MMU: they use what that CPU has cached, stale or not, and
 * cache what they walk. Places are a page and an offset, which may reach beyond the page.
 */
export class KernelAccess {
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  read(cpu: Cpu, page: number, offset: number, length: number): Uint8Array | AccessFault {
    return this.#gather(cpu, page, offset, length, READ);
  }

  /** The bytes as instructions: an NX page faults. */
  fetch(cpu: Cpu, page: number, offset: number, length: number): Uint8Array | AccessFault {
    return this.#gather(cpu, page, offset, length, FETCH);
  }

  /** Bytes before the page that faulted are written, as on hardware. */
  write(cpu: Cpu, page: number, offset: number, bytes: Uint8Array): AccessFault | undefined {
    for (const piece of piecesOf(page, offset, bytes.length)) {
      const frame = this.translate(cpu, piece.page, WRITE);
      if (typeof frame !== 'number') return frame;
      const source = bytes.subarray(piece.done, piece.done + piece.length);
      this.#machine.memory.frame(frame).write(piece.offset, source);
    }
    return undefined;
  }

  /** Fills whole pages with one byte. */
  fill(cpu: Cpu, firstPage: number, pageCount: number, byte: number): AccessFault | undefined {
    for (let page = firstPage; page < firstPage + pageCount; page++) {
      const frame = this.translate(cpu, page, WRITE);
      if (typeof frame !== 'number') return frame;
      this.#machine.memory.frame(frame).fillAll(byte);
    }
    return undefined;
  }

  /** What stands at a place according to the tables in memory, without any CPU; undefined where nothing is mapped. */
  peek(page: number, offset: number, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    for (const piece of piecesOf(page, offset, length)) {
      const found = this.#machine.kernelTables.translate(piece.page);
      if (found === undefined) return undefined;
      this.#machine.memory.frame(found.frame).readInto(bytes, piece.done, piece.offset, piece.length);
    }
    return bytes;
  }

  /** The frame that the access reaches, or its fault. */
  translate(cpu: Cpu, page: number, access: Access): number | AccessFault {
    const answer = cpu.mmu.translate(cpu.space, page, access);
    if (answer >= 0) return answer;
    if (answer === NOT_CANONICAL) return { kind: 'general-protection', page, errorCode: 0 };
    return { kind: 'page-fault', page, errorCode: faultCodeOf(answer) };
  }

  #gather(cpu: Cpu, page: number, offset: number, length: number, access: Access): Uint8Array | AccessFault {
    const bytes = new Uint8Array(length);
    for (const piece of piecesOf(page, offset, length)) {
      const frame = this.translate(cpu, piece.page, access);
      if (typeof frame !== 'number') return frame;
      this.#machine.memory.frame(frame).readInto(bytes, piece.done, piece.offset, piece.length);
    }
    return bytes;
  }
}

/** Cuts a range of bytes at page boundaries. */
function* piecesOf(page: number, offset: number, length: number) {
  for (let done = 0; done < length; ) {
    const at = offset + done;
    const inPage = at % PAGE_SIZE;
    const pieceLength = Math.min(PAGE_SIZE - inPage, length - done);
    yield { page: page + Math.floor(at / PAGE_SIZE), offset: inPage, length: pieceLength, done };
    done += pieceLength;
  }
}
