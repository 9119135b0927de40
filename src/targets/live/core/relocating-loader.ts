import { readFileSync } from 'node:fs';
import type { Btf } from '../../../model/bpf/btf/blob.ts';
import { parseBtf } from '../../../model/bpf/btf/parse.ts';
import { CandidateCache, targetFrom } from '../../../model/bpf/core-relocation/candidates.ts';
import { KERNEL_6_18 } from '../../../model/bpf/core-relocation/policy.ts';
import { type Bpf, MAP_TYPE_ARRAY, PROG_TYPE_SOCKET_FILTER, SYS_BPF } from '../bpf.ts';
import {
  type AttributeLayout,
  BTF_LOAD,
  fieldOf,
  fill,
  OBJ_GET_INFO_BY_FD,
  PROG_INFO,
  PROG_LOAD,
} from '../bpf-attributes.ts';
import { available, errnoName, type Facility, having, notSupported, refused } from '../facility.ts';
import { KernelHealth } from '../kernel-health.ts';
import type { Libc, Memory } from '../libc.ts';
import type { LiveKernel } from '../live-kernel.ts';
import { type CoreLoad, type CoreOutcome, MAP_VALUE_BYTES } from './core-load.ts';
import { reasonToWithhold } from './core-load-hazards.ts';
import { onModel } from './modelled-load.ts';

/**
 * Loads programs with CO-RE records on the running kernel, which relocates them, and reads back what became of them. Every
 * load is judged first by what it holds ({@link reasonToWithhold}) and then performed on the model: one that the model does
 * not survive is withheld too. Nothing outlives a call: programs and types are closed as soon as they were read.
 */
export class RelocatingLoader {
  /** The running kernel's own types. */
  readonly kernelTypes: Btf;
  readonly #libc: Libc;
  readonly #release: string;
  readonly #map: number;
  readonly #attribute: Memory;
  readonly #given: Memory;
  readonly #log: Memory;
  readonly #health = new KernelHealth();

  private constructor(libc: Libc, release: string, map: number, kernelTypes: Btf) {
    this.kernelTypes = kernelTypes;
    this.#libc = libc;
    this.#release = release;
    this.#map = map;
    this.#attribute = libc.allocate(4096);
    this.#given = libc.allocate(GIVEN_BYTES);
    this.#log = libc.allocate(LOG_BYTES);
  }

  static open(kernel: LiveKernel): Facility<RelocatingLoader> {
    return having(kernel.libc, (libc) =>
      having(kernel.bpf, (bpf) =>
        having(readTypes(), (types) =>
          having(createMap(bpf), (map) => available(new RelocatingLoader(libc, kernel.release, map, types))),
        ),
      ),
    );
  }

  /** Loads a program, unless that could do harm. Throws {@link KernelHarmed} where the kernel warned all the same. */
  load(load: CoreLoad): CoreOutcome {
    const why = this.reasonToWithhold(load);
    if (why !== undefined) return { kind: 'withheld', why };
    this.#health.demand();
    const types = this.#place(load.btf, BTF_AT);
    const logged = { btf_log_buf: this.#log.address, btf_log_size: LOG_BYTES, btf_log_level: 1 };
    const descriptor = this.#command(BTF_LOAD, { btf: types, btf_size: load.btf.length, ...logged });
    if (descriptor < 0) return { kind: 'refused', of: 'types', errno: errnoName(descriptor), log: this.#logText() };
    try {
      return this.#loadProgram(load, descriptor);
    } finally {
      this.#libc.close(descriptor);
      this.#health.demand();
    }
  }

  /** Looks at the kernel's health no longer. */
  end(): void {
    this.#health.close();
  }

  /** Why a load would not be sent. */
  reasonToWithhold(load: CoreLoad): string | undefined {
    return reasonToWithhold(load, this.#release) ?? this.#modelDies(load) ?? this.#isTooLarge(load);
  }

  #modelDies(load: CoreLoad): string | undefined {
    const cache = new CandidateCache(targetFrom(this.kernelTypes), KERNEL_6_18);
    const predicted = onModel(load, { kernel: KERNEL_6_18, relocates: 'first' }, cache);
    return predicted.kind === 'oops' ? predicted.reason : undefined;
  }

  #isTooLarge({ instructions, btf, functionInfo, lineInfo, records }: CoreLoad): string | undefined {
    const most = Math.max(instructions.length, btf.length, 8 * functionInfo.length, 16 * lineInfo.length);
    return Math.max(most, records.bytes.length) > PART_BYTES - 16 ? 'it is too large' : undefined;
  }

  #loadProgram(load: CoreLoad, types: number): CoreOutcome {
    const { functionInfo, lineInfo, records } = load;
    const instructions = load.instructions.slice();
    const view = new DataView(instructions.buffer);
    for (const index of load.mapAddresses) view.setInt32(8 * index + 4, this.#map, true);
    const functions = Uint32Array.from(functionInfo.flatMap(({ index, typeId }) => [index, typeId]));
    const lines = Uint32Array.from(lineInfo.flat());
    const program = this.#retried({
      prog_type: PROG_TYPE_SOCKET_FILTER,
      prog_name: 'rox_core',
      insns: this.#place(instructions, INSTRUCTIONS_AT),
      insn_cnt: instructions.length / 8,
      license: this.#place(Buffer.from('GPL\0'), LICENSE_AT),
      log_level: EVERY_RECORD,
      log_size: LOG_BYTES,
      log_buf: this.#log.address,
      prog_btf_fd: types,
      ...(functions.length > 0 && {
        func_info_rec_size: 8,
        func_info: this.#place(new Uint8Array(functions.buffer), FUNCTIONS_AT),
        func_info_cnt: functionInfo.length,
      }),
      ...(lines.length > 0 && {
        line_info_rec_size: 16,
        line_info: this.#place(new Uint8Array(lines.buffer), LINES_AT),
        line_info_cnt: lineInfo.length,
      }),
      core_relo_cnt: records.count,
      core_relos: this.#place(records.bytes, RECORDS_AT),
      core_relo_rec_size: records.recordSize,
    });
    const log = this.#logText();
    if (program < 0) return { kind: 'refused', of: 'program', errno: errnoName(program), log };
    try {
      return { kind: 'loaded', image: this.#translated(program, load.mapAddresses), log };
    } finally {
      this.#libc.close(program);
    }
  }

  /** The kernel gives a load up where a signal is waiting (EAGAIN). */
  #retried(values: Partial<Record<keyof typeof PROG_LOAD.fields, number | string>>): number {
    for (let attempt = 1; ; attempt++) {
      const result = this.#command(PROG_LOAD, values);
      if (result !== EAGAIN || attempt === MOST_ATTEMPTS) return result;
    }
  }

  /** The program as the verifier left it, addresses of the map masked. */
  #translated(program: number, mapAddresses: readonly number[]): Uint8Array {
    const { view, address, bytes } = this.#given;
    fill(view, PROG_INFO, { xlated_prog_len: PART_BYTES, xlated_prog_insns: address + INSTRUCTIONS_AT });
    const asked = { bpf_fd: program, info_len: PROG_INFO.size, info: address };
    const result = this.#command(OBJ_GET_INFO_BY_FD, asked);
    if (result < 0) throw new Error(`the kernel does not show a program that was just loaded: ${errnoName(result)}`);
    const length = Number(fieldOf(view, PROG_INFO.fields.xlated_prog_len));
    const image = bytes.slice(INSTRUCTIONS_AT, INSTRUCTIONS_AT + length);
    for (const index of mapAddresses) {
      const at = 8 * index;
      if (image[at] !== LD_IMM64) continue;
      image.fill(0, at + 4, at + 8);
      image.fill(0, at + 12, at + 16);
    }
    return image;
  }

  /** Puts bytes where the kernel shall read them, zeros behind them. */
  #place(bytes: Uint8Array, at: number): number {
    this.#given.bytes.fill(0, at, Math.min(at + bytes.length + 4096, GIVEN_BYTES));
    this.#given.bytes.set(bytes, at);
    return this.#given.address + at;
  }

  #logText(): string {
    return Buffer.from(this.#log.bytes.subarray(0, this.#log.bytes.indexOf(0))).toString('latin1');
  }

  #command<Name extends string>(
    layout: AttributeLayout<Name>,
    values: Readonly<Partial<Record<NoInfer<Name>, number | string>>>,
  ): number {
    this.#log.bytes[0] = 0;
    fill(this.#attribute.view, layout, values);
    return this.#libc.syscall(SYS_BPF, layout.command, this.#attribute.address, layout.size);
  }
}

function readTypes(): Facility<Btf> {
  try {
    return available(parseBtf(readFileSync('/sys/kernel/btf/vmlinux')));
  } catch (error) {
    return notSupported(
      error instanceof Error ? error.message : String(error),
      'needs a kernel with CONFIG_DEBUG_INFO_BTF',
    );
  }
}

function createMap(bpf: Bpf): Facility<number> {
  const map = bpf.createMap({ map_type: MAP_TYPE_ARRAY, key_size: 4, value_size: MAP_VALUE_BYTES, max_entries: 1 });
  const remedies = { permit: 'run as root, or with CAP_BPF', support: 'needs a kernel with CONFIG_BPF_SYSCALL' };
  return map < 0 ? refused('creating an array map', map, remedies) : available(map);
}

/** Log level at which the kernel tells of every record, of loads that succeed too, and dumps its candidate cache. */
const EVERY_RECORD = 2;
const LOG_BYTES = 1 << 20;
const EAGAIN = -11;
const MOST_ATTEMPTS = 5;
const LD_IMM64 = 0x18;

/** Where the parts of a load stand: what the kernel tells of a program first, then a part each. */
const PART_BYTES = 1 << 18;
const [INSTRUCTIONS_AT, BTF_AT, FUNCTIONS_AT, LINES_AT, RECORDS_AT, LICENSE_AT] = [1, 2, 3, 4, 5, 6].map(
  (part) => part * PART_BYTES,
) as [number, number, number, number, number, number];
const GIVEN_BYTES = 7 * PART_BYTES;
