import { type Bus, ERROR_PRESENT } from './bus.ts';
import { type Block, CodeCache } from './code-cache.ts';
import { Core } from './core.ts';
import type { Exception } from './exception.ts';
import type { Flags } from './flags.ts';
import { MemoryPort } from './memory-port.ts';
import { joinHalves, type RegisterFile } from './register-file.ts';

/** Why {@link Cpu.run} came back: an exception, or the given number of instructions has retired. */
export type Stop = Exception | { readonly kind: 'limit' };

/**
 * One x86-64 CPU in 64-bit kernel mode, executing what the BPF JIT emits (see the opcode map) from memory behind a
 * {@link Bus}. Interrupts, caches, speculation and other CPUs are left out: steps of a world are atomic, and what another
 * CPU may see in between is a step of its own.
 */
export class Cpu {
  readonly registers: RegisterFile;
  readonly flags: Flags;
  readonly bus: Bus;

  /** Instructions retired since the CPU was made. */
  retired = 0;

  readonly #core: Core;
  readonly #port: MemoryPort;
  readonly #code: CodeCache;

  /** `virtualAddressBits` is 57 on a machine that runs with five levels of page tables. */
  constructor(bus: Bus, virtualAddressBits: 48 | 57 = 48) {
    this.bus = bus;
    this.#port = new MemoryPort(bus, virtualAddressBits);
    this.#code = new CodeCache(this.#port);
    this.#core = new Core(this.#port);
    this.registers = this.#core.registers;
    this.flags = this.#core.flags;
  }

  /** Executes from the instruction pointer until an exception, but at most `limit` instructions. */
  run(limit: number): Stop {
    const core = this.#core;
    const code = this.#code;
    core.nextLo = this.registers.ipLo;
    core.nextHi = this.registers.ipHi;
    for (let left = limit; left > 0; ) {
      const lo = core.nextLo;
      const hi = core.nextHi;
      const block = code.fetch(lo, hi);
      if (block === undefined) return this.#stop(code.refusal!, lo, hi, limit - left);
      this.#advance(lo, hi, block.length);
      const { instructions } = block;
      const count = Math.min(left, instructions.length);
      for (let index = 0; index < count; index++) {
        const instruction = instructions[index]!;
        const outcome = instruction.execute(core, instruction);
        if (outcome !== undefined) return this.#stopInside(block, index, outcome, lo, hi, limit - left);
      }
      if (count < instructions.length) this.#advance(lo, hi, bytesBefore(block, count));
      left -= count;
    }
    this.retired += limit;
    this.registers.ipLo = core.nextLo;
    this.registers.ipHi = core.nextHi;
    return { kind: 'limit' };
  }

  #advance(lo: number, hi: number, bytes: number): void {
    const next = (lo + bytes) | 0;
    this.#core.nextLo = next;
    this.#core.nextHi = next >>> 0 < bytes ? (hi + 1) | 0 : hi;
  }

  /** A breakpoint is a trap: it has retired and execution goes on behind it. Everything else has not happened. */
  #stopInside(
    block: Block,
    index: number,
    outcome: Exception['kind'],
    lo: number,
    hi: number,
    retired: number,
  ): Exception {
    const done = outcome === 'breakpoint' ? index + 1 : index;
    this.#advance(lo, hi, bytesBefore(block, done));
    return this.#stop(outcome, this.#core.nextLo, this.#core.nextHi, retired + done);
  }

  /** Puts the instruction pointer where the exception frame will have it. */
  #stop(kind: Exception['kind'], ipLo: number, ipHi: number, retired: number): Exception {
    this.retired += retired;
    this.registers.ipLo = ipLo;
    this.registers.ipHi = ipHi;
    const at = this.registers.ip;
    return kind === 'page-fault' ? this.#pageFault(at) : { kind, at };
  }

  #pageFault(at: bigint): Exception {
    const { faultLo, faultHi, faultAccess, faultCode } = this.#port;
    return {
      kind: 'page-fault',
      at,
      address: joinHalves(faultLo, faultHi),
      write: faultAccess === 'write',
      execute: faultAccess === 'execute',
      present: (faultCode & ERROR_PRESENT) !== 0,
    };
  }
}

/** Where in a block its instruction of this index starts. */
function bytesBefore(block: Block, index: number): number {
  let bytes = 0;
  for (let before = 0; before < index; before++) bytes += block.instructions[before]!.length;
  return bytes;
}
