import {
  type AttributeLayout,
  fieldOf,
  fill,
  MAP_CREATE,
  MAP_ELEMENT,
  MAP_FREEZE,
  OBJ_GET_INFO_BY_FD,
  PROG_INFO,
  PROG_LOAD,
  PROG_TEST_RUN,
} from './bpf-attributes.ts';
import { encode, type LiveInstruction } from './bpf-instruction.ts';
import type { Libc, Memory } from './libc.ts';

/**
 * bpf(2) on the running kernel: makes maps and programs, runs programs, asks what became of them. Refusals are `-errno`.
 *
 * Descriptors made here are the only thing that keeps maps and programs alive: nothing is pinned or attached, so the kernel
 * releases all of it when {@link close} is called or the process ends, however it ends.
 */
export class Bpf {
  readonly #libc: Libc;
  readonly #attribute: Memory;
  readonly #run: Memory;
  readonly #instructions: Memory;
  readonly #information: Memory;
  readonly #log: Memory;
  readonly #license: number;
  readonly #descriptors = new Set<number>();
  /** What programs of type SYSCALL are given as context: 64 bit words, read and written. */
  readonly context: BigUint64Array;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#attribute = libc.allocate(4096);
    this.#run = libc.allocate(4096);
    this.#instructions = libc.allocate(MOST_INSTRUCTIONS * 8);
    this.#information = libc.allocate(INFORMATION_BYTES);
    this.#log = libc.allocate(LOG_BYTES);
    this.#license = this.#attribute.address + 2048;
    this.#attribute.bytes.set(Buffer.from('GPL\0'), 2048);
    this.context = this.#run.words.subarray(CONTEXT_AT / 8, CONTEXT_AT / 8 + MOST_CONTEXT_WORDS);
    fill(this.#run.view, PROG_TEST_RUN, { ctx_in: this.#run.address + CONTEXT_AT });
  }

  /** The descriptor of a new map. */
  createMap(values: Values<typeof MAP_CREATE>): number {
    return this.#kept(this.#command(MAP_CREATE, values));
  }

  /** The descriptor of a new program; {@link log} tells the verifier's reason where it is refused. */
  loadProgram({ type, flags = 0, name, instructions }: ProgramSource): number {
    encode(instructions, this.#instructions.view);
    this.#log.bytes[0] = 0;
    const values = {
      prog_type: type,
      insn_cnt: instructions.length,
      insns: this.#instructions.address,
      license: this.#license,
      prog_flags: flags,
      prog_name: name,
    };
    // A signal that arrives meanwhile makes the verifier give up; it is asked again, as libbpf does.
    let descriptor = this.#command(PROG_LOAD, values);
    for (let attempt = 0; descriptor === -EAGAIN && attempt < 100; attempt++) {
      descriptor = this.#command(PROG_LOAD, values);
    }
    if (descriptor >= 0) return this.#kept(descriptor);
    // The log is asked for afterwards: one that is full would itself be a reason to refuse a long program (ENOSPC).
    const again = this.#command(PROG_LOAD, {
      ...values,
      log_level: 1,
      log_size: LOG_BYTES,
      log_buf: this.#log.address,
    });
    if (again >= 0) this.#libc.close(again);
    return descriptor;
  }

  /** BPF_MAP_FREEZE. */
  freezeMap(descriptor: number): number {
    return this.#command(MAP_FREEZE, { map_fd: descriptor });
  }

  /** An element command with pointers to eight zero bytes where `key` and `value` say so. */
  elementCommand(descriptor: number, { command, key, value }: ElementRequest): number {
    const pointer = this.#attribute.address + 3072;
    return this.#command(MAP_ELEMENT[command], {
      map_fd: descriptor,
      ...(key && { key: pointer }),
      ...(value && { value: pointer }),
    });
  }

  /** What the verifier said about the program that was loaded last. */
  get log(): string {
    const end = this.#log.bytes.indexOf(0);
    return Buffer.from(this.#log.bytes.subarray(0, end)).toString('latin1').trim();
  }

  /** Runs a program of type SYSCALL once with the first words of {@link context}. 0, or `-errno` of the call itself. */
  run(descriptor: number, contextWords: number): number {
    const { view, address } = this.#run;
    view.setUint32(PROG_TEST_RUN.fields.prog_fd.at, descriptor, true);
    view.setUint32(PROG_TEST_RUN.fields.retval.at, 0, true);
    view.setUint32(PROG_TEST_RUN.fields.ctx_size_in.at, contextWords * 8, true);
    return this.#libc.syscall(SYS_BPF, PROG_TEST_RUN.command, address, PROG_TEST_RUN.size);
  }

  /** What R0 held when the program that was run last ended, its low half. */
  get returned(): number {
    return this.#run.view.getUint32(PROG_TEST_RUN.fields.retval.at, true);
  }

  /** What the kernel made of a program: its machine code and where each part of it begins. `-errno` where it will not say. */
  programInformation(descriptor: number): ProgramInformation | number {
    const { view, address, bytes } = this.#information;
    fill(view, PROG_INFO, {
      jited_prog_len: CODE_BYTES,
      jited_prog_insns: address + CODE_AT,
      xlated_prog_len: VERIFIED_BYTES,
      xlated_prog_insns: address + VERIFIED_AT,
      nr_jited_ksyms: MOST_PARTS,
      jited_ksyms: address + SYMBOLS_AT,
      nr_jited_func_lens: MOST_PARTS,
      jited_func_lens: address + LENGTHS_AT,
    });
    const result = this.#command(OBJ_GET_INFO_BY_FD, { bpf_fd: descriptor, info_len: PROG_INFO.size, info: address });
    if (result < 0) return result;
    const told = (name: keyof typeof PROG_INFO.fields) => Number(fieldOf(view, PROG_INFO.fields[name]));
    const partCount = told('jited_ksyms') === 0 ? 0 : Math.min(told('nr_jited_ksyms'), MOST_PARTS);
    return {
      id: told('id'),
      codeBytes: told('jited_prog_len'),
      code: told('jited_prog_insns') === 0 ? undefined : bytes.slice(CODE_AT, CODE_AT + told('jited_prog_len')),
      verified: bytes.slice(VERIFIED_AT, VERIFIED_AT + Math.min(told('xlated_prog_len'), VERIFIED_BYTES)),
      parts: Array.from({ length: partCount }, (_, index) => ({
        address: view.getBigUint64(SYMBOLS_AT + 8 * index, true),
        bytes: view.getUint32(LENGTHS_AT + 4 * index, true),
      })),
    };
  }

  /** Closes a descriptor made here. The kernel may free what was behind it later (RCU, work queue). */
  release(descriptor: number): void {
    if (this.#descriptors.delete(descriptor)) this.#libc.close(descriptor);
  }

  /** Closes every descriptor made here. */
  close(): void {
    for (const descriptor of [...this.#descriptors]) this.release(descriptor);
  }

  #command<Name extends string>(
    layout: AttributeLayout<Name>,
    values: Readonly<Partial<Record<NoInfer<Name>, number | bigint | string>>>,
  ): number {
    fill(this.#attribute.view, layout, values);
    return this.#libc.syscall(SYS_BPF, layout.command, this.#attribute.address, layout.size);
  }

  #kept(descriptor: number): number {
    if (descriptor >= 0) this.#descriptors.add(descriptor);
    return descriptor;
  }
}

type Values<Layout extends AttributeLayout<string>> = Readonly<
  Partial<Record<keyof Layout['fields'] & string, number | bigint | string>>
>;

interface ElementRequest {
  readonly command: keyof typeof MAP_ELEMENT;
  readonly key: boolean;
  readonly value: boolean;
}

export interface ProgramSource {
  readonly type: number;
  readonly flags?: number;
  /** At most 15 letters, digits, `_` and `.`. */
  readonly name: string;
  readonly instructions: readonly LiveInstruction[];
}

export interface ProgramInformation {
  readonly id: number;
  /** The length of all machine code, told to everybody. */
  readonly codeBytes: number;
  /** Absent where this user may not see it. */
  readonly code: Uint8Array | undefined;
  /** The instructions as the verifier left them, eight bytes each; maps stand for themselves by their ids. */
  readonly verified: Uint8Array;
  /** The main program and its subprograms; empty where this user may not see kernel addresses. */
  readonly parts: readonly { readonly address: bigint; readonly bytes: number }[];
}

/** Types of maps and programs, and their flags (include/uapi/linux/bpf.h). */
export const MAP_TYPE_ARRAY = 2;
export const MAP_TYPE_ARENA = 33;
export const F_MMAPABLE = 0x400;
export const PROG_TYPE_SOCKET_FILTER = 1;
export const PROG_TYPE_SYSCALL = 31;
export const F_SLEEPABLE = 0x10;

/** The number of bpf(2) on x86-64. */
export const SYS_BPF = 321;
const EAGAIN = 11;
const MOST_INSTRUCTIONS = 65536;
const LOG_BYTES = 1 << 20;
const CONTEXT_AT = 1024;
const MOST_CONTEXT_WORDS = 32;
/** PROG_INFO itself, then its symbols, lengths and code. */
const MOST_PARTS = 256;
const SYMBOLS_AT = 1024;
const LENGTHS_AT = SYMBOLS_AT + 8 * MOST_PARTS;
const CODE_AT = 8192;
const CODE_BYTES = 4 << 20;
const VERIFIED_AT = CODE_AT + CODE_BYTES;
const VERIFIED_BYTES = 8 * MOST_INSTRUCTIONS;
const INFORMATION_BYTES = VERIFIED_AT + VERIFIED_BYTES;
