import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Runs } from '../../model/bpf/arena-observation.ts';
import type { CallWords, Libc, Memory } from './libc.ts';

/**
 * The address space of a process that takes part in traces: this one, or a peer that performs system calls on request. Only
 * addresses of the {@link ZONE} are ever mapped or changed; nothing else of the process lies there.
 */
export class UserSpace {
  readonly pid: number;
  readonly #libc: Libc;
  readonly #perform: (number: number, words: CallWords) => number;
  readonly #descriptorOf: (descriptor: number) => number;
  readonly #pagemap: number;
  readonly #scan: Memory;

  constructor(libc: Libc, { pid, perform, descriptorOf }: UserSpaceParts) {
    this.pid = pid;
    this.#libc = libc;
    this.#perform = perform;
    this.#descriptorOf = descriptorOf;
    this.#pagemap = openSync(`/proc/${pid}/pagemap`, 'r');
    this.#scan = libc.allocate(SCAN_BYTES);
  }

  /** The calling process. */
  static own(libc: Libc): UserSpace {
    return new UserSpace(libc, {
      pid: process.pid,
      perform: (number, words) => libc.callAt(number, words),
      descriptorOf: (descriptor) => descriptor,
    });
  }

  /** A system call in that process: its result or `-errno`. */
  call(number: number, words: CallWords): number {
    return this.#perform(number, words);
  }

  /** The number by which that process knows a descriptor of ours. */
  descriptorOf(descriptor: number): number {
    return this.#descriptorOf(descriptor);
  }

  /** process_vm_readv(2) into memory of ours. */
  read(from: bigint, to: number, bytes: number): number {
    return this.#libc.readOf(this.pid, signed(from), to, bytes);
  }

  write(from: number, to: bigint, bytes: number): number {
    return this.#libc.writeOf(this.pid, from, signed(to), bytes);
  }

  /** The pages of [first, end) that have an entry in the page table of that process, relative to the first (PAGEMAP_SCAN, 6.7). */
  presentPages(first: number, end: number): Runs {
    const { address, view, words } = this.#scan;
    const runs: Runs = [];
    for (let from = first; from < end; ) {
      new Uint8Array(view.buffer, 0, SCAN_ARGUMENT_BYTES).fill(0);
      words[0] = BigInt(SCAN_ARGUMENT_BYTES);
      words[2] = BigInt(from) << 12n;
      words[3] = BigInt(end) << 12n;
      words[5] = BigInt(address + SCAN_ARGUMENT_BYTES);
      words[6] = BigInt(MOST_REGIONS);
      words[9] = PAGE_IS_PRESENT;
      words[11] = PAGE_IS_PRESENT;
      const count = this.#libc.syscall(SYS_IOCTL, this.#pagemap, PAGEMAP_SCAN, address);
      if (count < 0) throw new Error(`PAGEMAP_SCAN of process ${this.pid} failed: errno ${-count}`);
      for (let index = 0; index < count; index++) {
        const at = SCAN_ARGUMENT_BYTES / 8 + 3 * index;
        append(runs, Number(words[at]! >> 12n) - first, Number(words[at + 1]! >> 12n) - first - 1);
      }
      from = Number(words[4]! >> 12n);
    }
    return runs;
  }

  /** Takes away whatever is mapped in the zone. */
  clear(): void {
    this.call(SYS_MUNMAP, [ZONE.start, ZONE.end - ZONE.start, 0, 0, 0, 0]);
  }

  close(): void {
    closeSync(this.#pagemap);
    this.#libc.munmap(this.#scan.address, SCAN_BYTES);
  }
}

interface UserSpaceParts {
  readonly pid: number;
  perform(number: number, words: CallWords): number;
  descriptorOf(descriptor: number): number;
}

/**
 * Where traces map: far from what the system and the JavaScript engine choose (the engine draws addresses below 2^46, the
 * system places from 0x55... and 0x7f...). Every address of a trace lies here, counted from any base it can have.
 */
export const ZONE = { start: 0x47f0_0000_0000, end: 0x4b00_0000_0000 } as const;

/** What this process has in the zone already, undefined where nothing is. */
export function trespasser(): string | undefined {
  const maps = readFileSync('/proc/self/maps', 'latin1').split('\n');
  return maps.find((line) => {
    const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line) ?? [];
    return start !== undefined && Number.parseInt(start, 16) < ZONE.end && Number.parseInt(end!, 16) > ZONE.start;
  });
}

function append(runs: Runs, first: number, last: number): void {
  const before = runs.at(-1);
  if (before !== undefined && before[1] === first - 1) before[1] = last;
  else runs.push([first, last]);
}

/** A register's word as calls take it: small numbers stay numbers, which are faster. */
export const signed = (word: bigint): number | bigint => (word < 2n ** 52n ? Number(word) : BigInt.asIntN(64, word));

export const SYS_MMAP = 9;
export const SYS_MPROTECT = 10;
export const SYS_MUNMAP = 11;
const SYS_IOCTL = 16;
export const SYS_MREMAP = 25;
export const SYS_MADVISE = 28;

/** _IOWR('f', 16, struct pm_scan_arg) of include/uapi/linux/fs.h. */
const PAGEMAP_SCAN = 0xc060_6610;
const SCAN_ARGUMENT_BYTES = 96;
const MOST_REGIONS = 2048;
const SCAN_BYTES = SCAN_ARGUMENT_BYTES + 24 * MOST_REGIONS;
const PAGE_IS_PRESENT = 8n;
