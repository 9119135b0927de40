import { ARENA_OPERATION, performOnArena } from './arena-programs.ts';
import { type Bpf, F_MMAPABLE, F_SLEEPABLE, MAP_TYPE_ARENA, PROG_TYPE_SYSCALL } from './bpf.ts';
import type { BtfLookup } from './btf-lookup.ts';
import { available, type Facility, notSupported, refused } from './facility.ts';

/**
 * A small arena of our own with a program that works on it. Its user address is chosen at creation, so it needs no mapping:
 * the program alone allocates and frees pages.
 */
export class OwnArena {
  readonly #bpf: Bpf;
  readonly #map: number;
  readonly #program: number;
  /** The user address of page 0. */
  readonly start = USER_START;

  private constructor(bpf: Bpf, map: number, program: number) {
    this.#bpf = bpf;
    this.#map = map;
    this.#program = program;
  }

  static open(bpf: Bpf, btf: BtfLookup): Facility<OwnArena> {
    const alloc = btf.functionId('bpf_arena_alloc_pages');
    const free = btf.functionId('bpf_arena_free_pages');
    if (alloc === undefined || free === undefined) {
      return notSupported('the kernel has no bpf_arena_alloc_pages()', 'needs Linux 6.9 or later');
    }
    const map = createArena(bpf);
    if (map < 0) return refused('creating an arena', map, REMEDIES);
    const instructions = performOnArena(map, { alloc, free });
    const program = bpf.loadProgram({ type: PROG_TYPE_SYSCALL, flags: F_SLEEPABLE, name: 'rox_arena', instructions });
    if (program >= 0) return available(new OwnArena(bpf, map, program));
    const why = refused('a program that allocates arena pages', program, REMEDIES);
    bpf.release(map);
    return why;
  }

  /** The user address of `pageCount` new pages anywhere, or 0 where the kernel gives none. */
  allocate(pageCount: number): bigint {
    return this.#perform(ARENA_OPERATION.alloc, 0n, BigInt(pageCount));
  }

  free(address: bigint, pageCount: number): void {
    this.#perform(ARENA_OPERATION.free, address, BigInt(pageCount));
  }

  /**
   * Where the kernel sees the low 4 GiB of the arena's window, from the program's machine code: the JIT loads it into r12 in
   * the prologue. Undefined where this user may not see code.
   */
  kernelStart(): bigint | undefined {
    const information = this.#bpf.programInformation(this.#program);
    if (typeof information === 'number' || information.code === undefined) return undefined;
    return arenaStartIn(information.code);
  }

  close(): void {
    this.#bpf.release(this.#program);
    this.#bpf.release(this.#map);
  }

  #perform(operation: number, address: bigint, count: bigint): bigint {
    const { context } = this.#bpf;
    context.fill(0n);
    context[0] = BigInt(operation);
    context[1] = address;
    context[2] = count;
    context[3] = ANY_NODE;
    this.#bpf.run(this.#program, 8);
    return context[5]!;
  }
}

/** The descriptor of a new arena of 16 pages, or `-errno`. */
export function createArena(bpf: Bpf): number {
  return bpf.createMap({
    map_type: MAP_TYPE_ARENA,
    max_entries: 16,
    map_flags: F_MMAPABLE,
    map_extra: USER_START,
    map_name: 'rox_arena',
  });
}

/**
 * The address that the prologue of a JITed program loads into r12, which only programs with an arena do
 * (arch/x86/net/bpf_jit_comp.c:do_jit()): `49 bc` and eight bytes.
 */
export function arenaStartIn(code: Uint8Array): bigint | undefined {
  const prologue = Buffer.from(code.buffer, code.byteOffset, Math.min(code.byteLength, PROLOGUE_BYTES));
  const at = prologue.indexOf(Buffer.from([0x49, 0xbc]));
  if (at < 0 || at + 10 > prologue.length) return undefined;
  const start = prologue.readBigUInt64LE(at + 2);
  // Page-aligned, in the upper half: any other value was not loaded by the prologue.
  return (start & 0xfffn) === 0n && start >> 63n === 1n ? start : undefined;
}

/** Free in every process that we know of, and a multiple of 4 GiB. */
const USER_START = 0x2000_0000_0000n;
const ANY_NODE = 0xffff_ffff_ffff_ffffn;
/** Long enough for a prologue that saves every register and grows the stack. */
const PROLOGUE_BYTES = 64;

const REMEDIES = {
  permit: 'run as root, or with CAP_BPF and CAP_PERFMON',
  support: 'needs Linux 6.9 or later on x86-64, with the JIT on',
};
