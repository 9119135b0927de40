import { type Bus, EXECUTE, PROTECTION, WRITE } from './bus.ts';
import { type Block, CodeCache } from './code-cache.ts';
import { Core, carryOf } from './core.ts';
import {
  BREAKPOINT,
  DIVIDE_ERROR,
  type Exception,
  GENERAL_PROTECTION,
  type Outcome,
  PAGE_FAULTED,
  RETIRED,
  STACK_FAULT,
} from './exception.ts';
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
    core.nextLo = this.registers.ipLo;
    core.nextHi = this.registers.ipHi;
    for (let left = limit; left > 0; ) {
      const lo = core.nextLo;
      const hi = core.nextHi;
      const block = this.#code.fetch(lo, hi);
      if (block === undefined) return this.#stop(this.#code.refusal, lo, hi, limit - left);
      this.#advance(lo, hi, block.length);
      const { instructions } = block;
      const count = Math.min(left, instructions.length);
      for (let index = 0; index < count; index++) {
        const instruction = instructions[index]!;
        const outcome = instruction.execute(core, instruction);
        if (outcome !== RETIRED) return this.#stopInside(block, index, outcome, lo, hi, limit - left);
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
    this.#core.nextLo = (lo + bytes) | 0;
    this.#core.nextHi = (hi + carryOf(this.#core.nextLo, bytes)) | 0;
  }

  /** A breakpoint is a trap: it has retired and execution goes on behind it. Everything else has not happened. */
  #stopInside(block: Block, index: number, outcome: Outcome, lo: number, hi: number, retired: number): Exception {
    const done = outcome === BREAKPOINT ? index + 1 : index;
    this.#advance(lo, hi, bytesBefore(block, done));
    return this.#stop(outcome, this.#core.nextLo, this.#core.nextHi, retired + done);
  }

  /** Turns an outcome into the exception it is. */
  #stop(outcome: Outcome, ipLo: number, ipHi: number, retired: number): Exception {
    this.retired += retired;
    this.registers.ipLo = ipLo;
    this.registers.ipHi = ipHi;
    const at = this.registers.ip;
    switch (outcome) {
      case PAGE_FAULTED:
        return this.#pageFault(at);
      case GENERAL_PROTECTION:
        return { kind: 'general-protection', at };
      case STACK_FAULT:
        return { kind: 'stack-fault', at };
      case DIVIDE_ERROR:
        return { kind: 'divide-error', at };
      case BREAKPOINT:
        return { kind: 'breakpoint', at };
      default:
        return { kind: 'invalid-opcode', at };
    }
  }

  #pageFault(at: bigint): Exception {
    const { faultLo, faultHi, faultAccess, faultCode } = this.#port;
    return {
      kind: 'page-fault',
      at,
      address: joinHalves(faultLo, faultHi),
      write: faultAccess === WRITE,
      execute: faultAccess === EXECUTE,
      present: (faultCode & PROTECTION) !== 0,
    };
  }
}

/** Where in a block its instruction of this index starts. */
function bytesBefore(block: Block, index: number): number {
  let bytes = 0;
  for (let before = 0; before < index; before++) bytes += block.instructions[before]!.length;
  return bytes;
}
