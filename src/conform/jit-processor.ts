import { applyFixup, type ExceptionEntry, readExceptionEntry } from '../model/bpf/exception-fixup.ts';
import { HELPERS, type Helper, type HelperCall } from '../model/bpf/helper.ts';
import { tailCallOffset } from '../model/bpf/jit/tail-call.ts';
import { Cpu, type Stop } from '../model/machine/cpu/cpu.ts';
import { MemoryPort } from '../model/machine/cpu/memory-port.ts';
import type { RegisterName } from '../model/machine/cpu/register-file.ts';
import type { JitHost, JitMemory } from './jit-memory.ts';
import type { JitRecord } from './jit-record.ts';
import { skbHelper } from './jit-skb.ts';

/** How recorded machine code ended on the modelled CPU. */
export type ProcessorEnd =
  | { readonly kind: 'returned'; readonly value: bigint }
  | { readonly kind: 'unknown-helper'; readonly name: string }
  | { readonly kind: 'stopped'; readonly stop: Stop }
  /** A register the calling convention preserves was not. */
  | { readonly kind: 'clobbered'; readonly register: RegisterName };

/** The registers a function must give back (System V ABI), with the values they go in with. */
const PRESERVED = new Map<RegisterName, bigint>([
  ['rbx', 0x1111n],
  ['rbp', 0x2222n],
  ['r12', 0x3333n],
  ['r13', 0x4444n],
  ['r14', 0x5555n],
  ['r15', 0x6666n],
]);

/** What the kernel function of a name does, where that is modelled. */
export function recordedHelper(name: string, { packet }: JitHost): Helper | undefined {
  return HELPERS.get(name) ?? skbHelper(name, packet);
}

/** Where the kernel's caller goes on. Nothing is mapped there, so a return ends in a fetch fault with this address. */
const CALLER = 0xffff_ffff_8000_0010n;
const CALLBACK_CALLER = 0xffff_ffff_8000_0020n;

const ARGUMENTS = ['rdi', 'rsi', 'rdx', 'rcx', 'r8'] as const;
const CLOBBERED = ['rcx', 'rdx', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11'] as const;
const CLOBBER = 0xdead_beef_dead_beefn;

/**
 * Runs the machine code of a line. Kernel functions are not there as code: fetching from the address of one faults, and
 * what it does is then done by the model. Faults of loads and stores are handled as the kernel's exception tables say.
 */
export class JitProcessor {
  readonly #line: JitRecord;
  readonly #host: JitHost;
  readonly #tailCallTarget: JitRecord | undefined;
  readonly #surroundings: JitMemory;
  readonly #cpu: Cpu;
  readonly #port: MemoryPort;
  readonly #entries: readonly ExceptionEntry[];

  /** `tailCallTarget` is the program a patched direct tail call goes to; its own address is not recorded. */
  constructor(line: JitRecord, host: JitHost, surroundings: JitMemory, tailCallTarget?: JitRecord) {
    this.#line = line;
    this.#host = host;
    this.#tailCallTarget = tailCallTarget;
    this.#surroundings = surroundings;
    this.#cpu = new Cpu(surroundings.memory);
    this.#port = new MemoryPort(surroundings.memory);
    this.#entries = line.extable.flatMap(({ addr, bytes }) =>
      Array.from({ length: bytes.length / 12 }, (_, index) =>
        readExceptionEntry(addr + BigInt(12 * index), bytes.subarray(12 * index)),
      ),
    );
  }

  get retired(): number {
    return this.#cpu.retired;
  }

  run(limit: number): ProcessorEnd {
    const { registers } = this.#cpu;
    const { context, stackTop, perCpuOffset } = this.#surroundings;
    for (const [register, value] of PRESERVED) registers.set(register, value);
    registers.set('rdi', context);
    registers.set('rsp', stackTop - 64n);
    registers.gsBase = perCpuOffset;
    registers.ip = this.#line.funcs[0]!.addr;
    this.#push(CALLER);
    const end = this.#runUntil(CALLER, limit);
    if (end !== undefined) return end;
    for (const [register, value] of PRESERVED) {
      if (registers.get(register) !== value) return { kind: 'clobbered', register };
    }
    if (registers.get('rsp') !== stackTop - 64n) return { kind: 'clobbered', register: 'rsp' };
    return { kind: 'returned', value: registers.get('rax') };
  }

  /** Runs until the given address is reached; anything else that ends the run is returned. */
  #runUntil(address: bigint, limit: number): ProcessorEnd | undefined {
    const { registers, retired } = this.#cpu;
    for (;;) {
      const left = limit - (this.#cpu.retired - retired);
      const stop = this.#cpu.run(left);
      if (registers.ip === address) return undefined;
      if (stop.kind === 'limit') return { kind: 'stopped', stop };
      const end = this.#handle(stop, limit);
      if (end !== undefined) return end;
    }
  }

  #handle(stop: Stop, limit: number): ProcessorEnd | undefined {
    const { registers } = this.#cpu;
    const called = this.#line.calls.find(({ addr }) => addr === registers.ip);
    if (called !== undefined) return this.#perform(called.sym, limit);
    if (stop.kind === 'page-fault' && stop.execute && this.#tailCallTarget !== undefined) {
      registers.ip = this.#tailCallTarget.funcs[0]!.addr + BigInt(tailCallOffset(this.#host.machine));
      return undefined;
    }
    const entry = this.#entries.find(({ instruction }) => instruction === registers.ip);
    if (entry === undefined) return { kind: 'stopped', stop };
    applyFixup(entry, registers, this.#line.arena_user ?? 0n);
    return undefined;
  }

  /** Does what a kernel function does, and returns from it. All registers a function may change are changed. */
  #perform(name: string, limit: number): ProcessorEnd | undefined {
    const { registers } = this.#cpu;
    if (name === 'arch_bpf_timed_may_goto') return this.#timedMayGoto();
    const helper = recordedHelper(name, this.#host);
    if (helper === undefined) return { kind: 'unknown-helper', name };
    let failure: ProcessorEnd | undefined;
    const call: HelperCall = {
      arguments: ARGUMENTS.map((register) => registers.get(register)),
      memory: this.#port,
      callback: (address, ...parameters) => {
        failure = this.#callback(address, parameters, limit);
        return failure === undefined ? registers.get('rax') : undefined;
      },
    };
    const result = helper(call);
    if (result === undefined) return failure;
    if (typeof result === 'object') return this.#throw(result.cookie);
    for (const register of CLOBBERED) registers.set(register, CLOBBER);
    registers.set('rax', result);
    this.#return();
    return undefined;
  }

  #callback(address: bigint, parameters: readonly bigint[], limit: number): ProcessorEnd | undefined {
    const { registers } = this.#cpu;
    const returnTo = registers.ip;
    for (const [index, value] of parameters.entries()) registers.set(ARGUMENTS[index]!, value);
    this.#push(CALLBACK_CALLER);
    registers.ip = address;
    const end = this.#runUntil(CALLBACK_CALLER, limit);
    registers.ip = returnTo;
    return end;
  }

  /**
   * kernel/bpf/helpers.c:bpf_throw(): walks the frames up to the main program and calls the exception callback with the
   * cookie and that frame's stack and frame pointers, which is all it needs to return in main's place.
   */
  #throw(cookie: bigint): ProcessorEnd | undefined {
    const { registers } = this.#cpu;
    const main = this.#line.funcs[0]!;
    let sp = registers.get('rsp') + 8n;
    let bp = registers.get('rbp');
    let ip = this.#word(registers.get('rsp'));
    while (ip < main.addr || ip > main.addr + BigInt(main.len)) {
      ip = this.#word(bp + 8n);
      sp = bp + 16n;
      bp = this.#word(bp);
    }
    const callback = this.#line.exception_cb;
    if (callback === undefined) return { kind: 'unknown-helper', name: 'an exception callback that was not recorded' };
    registers.set('rdi', cookie);
    registers.set('rsi', sp);
    registers.set('rdx', bp);
    registers.ip = callback.addr;
    return undefined;
  }

  /** arch_bpf_timed_may_goto, which takes and gives r10 and leaves the rest alone; see Interpreter.timedMayGoto. */
  #timedMayGoto(): undefined {
    const { registers } = this.#cpu;
    const stamp = BigInt.asUintN(64, registers.get('rbp') + registers.get('r10') + 8n);
    const started = this.#word(stamp) !== 0n;
    if (!started) this.#surroundings.memory.write(stamp, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
    registers.set('r10', started ? 0n : 0xffffn);
    this.#return();
  }

  #push(value: bigint): void {
    const { registers } = this.#cpu;
    const sp = registers.get('rsp') - 8n;
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    this.#surroundings.memory.write(sp, bytes);
    registers.set('rsp', sp);
  }

  #return(): void {
    const { registers } = this.#cpu;
    const sp = registers.get('rsp');
    registers.ip = this.#word(sp);
    registers.set('rsp', sp + 8n);
  }

  #word(address: bigint): bigint {
    const bytes = this.#surroundings.memory.read(address, 8);
    return new DataView(bytes.buffer).getBigUint64(0, true);
  }
}
