import { toHex } from '../../base/bytes.ts';
import { type Bpf, F_SLEEPABLE, PROG_TYPE_SYSCALL, type ProgramInformation } from './bpf.ts';
import { encode, type LiveInstruction } from './bpf-instruction.ts';
import { CONTEXT_BYTES } from './drawn-program.ts';
import { available, type Facility, having, notPermitted } from './facility.ts';
import type { LiveKernel } from './live-kernel.ts';
import { doNothing } from './programs.ts';

/**
 * Loads programs, reads their machine code back and runs them, and writes all of that down as a line of a recording, so that
 * `conform` judges what was seen just now as it judges what was recorded long ago.
 */
export class JitObserver {
  readonly #bpf: Bpf;
  readonly #release: string;
  readonly #smallest: Uint8Array;
  readonly #returnThunk: bigint;
  /** __bpf_call_base is not among the symbols that everybody has; programs that call nothing do not need it. */
  readonly #callBase: bigint;

  private constructor(bpf: Bpf, release: string, textStart: bigint, smallest: ProgramInformation) {
    this.#bpf = bpf;
    this.#release = release;
    this.#smallest = smallest.code!;
    this.#callBase = textStart;
    this.#returnThunk = returnTarget(smallest.code!, smallest.parts[0]!.address);
  }

  static open(kernel: LiveKernel): Facility<JitObserver> {
    return having(kernel.symbols, ({ textStart }) =>
      having(kernel.bpf, (bpf) => {
        const information = load(bpf, doNothing, ({ information }) => information);
        if (typeof information === 'number' || information.code === undefined || information.parts.length === 0) {
          return notPermitted('the kernel withholds code and addresses', 'run as root, or with CAP_SYSLOG as well');
        }
        return available(new JitObserver(bpf, kernel.release, textStart!, information));
      }),
    );
  }

  /** What a companion file says about a kernel: here only what shows in the smallest program. */
  get companion(): Readonly<Record<string, unknown>> {
    const symbols = { __bpf_call_base: hex(this.#callBase), __x86_indirect_thunk_rcx: hex(this.#callBase) };
    return {
      kernel: this.#kernel,
      struct_offsets: { 'bpf_map.max_entries': 0, 'bpf_array.ptrs': 0, 'bpf_prog.bpf_func': 0 },
      jit: { '': { kallsyms: symbols, 'trivial_program_bytes (r0 = 0; exit)': toHex(this.#smallest) } },
    };
  }

  /** A line of a recording; the verifier's words where it refuses the program. */
  observe(name: string, instructions: readonly LiveInstruction[]): Readonly<Record<string, unknown>> | string {
    const bpf = this.#bpf;
    const line = load(bpf, instructions, ({ descriptor, information }) => {
      if (typeof information === 'number') throw new Error(`a program tells nothing: errno ${-information}`);
      const input = contextBytes(bpf);
      for (let index = 0; index < CONTEXT_BYTES; index++) input[index] = (index * 37 + 11) & 255;
      const before = input.slice();
      const ran = bpf.run(descriptor, CONTEXT_BYTES / 8);
      if (ran < 0) throw new Error(`a program does not run: errno ${-ran}`);
      const code = information.code!;
      const { address } = information.parts[0]!;
      return {
        name,
        cls: 'live',
        prog_type: PROG_TYPE_SYSCALL,
        insns: toHex(asBytes(instructions)),
        xlated: toHex(information.verified),
        jited: toHex(code),
        funcs: [{ addr: hex(address), len: code.length, start: 0, stack: stackBytes(code), tcr: 0 }],
        call_base: hex(this.#callBase),
        ret_thunk: hex(this.#returnThunk),
        kernel: this.#kernel,
        mitigation: '',
        ret: bpf.returned,
        ...changes(before, contextBytes(bpf)),
      };
    });
    return typeof line === 'number' ? bpf.log : line;
  }

  get #kernel(): string {
    return `${this.#release} x86_64`;
  }
}

interface Loaded {
  readonly descriptor: number;
  readonly information: ProgramInformation | number;
}

/** Loads a program, looks at it, closes it. `-errno` where it is refused. */
function load<Result>(
  bpf: Bpf,
  instructions: readonly LiveInstruction[],
  look: (loaded: Loaded) => Result,
): Result | number {
  const descriptor = bpf.loadProgram({ type: PROG_TYPE_SYSCALL, flags: F_SLEEPABLE, name: 'rox_jit', instructions });
  if (descriptor < 0) return descriptor;
  try {
    return look({ descriptor, information: bpf.programInformation(descriptor) });
  } finally {
    bpf.release(descriptor);
  }
}

function asBytes(instructions: readonly LiveInstruction[]): Uint8Array {
  const bytes = new Uint8Array(8 * instructions.length);
  encode(instructions, new DataView(bytes.buffer));
  return bytes;
}

const contextBytes = ({ context }: Bpf): Uint8Array =>
  new Uint8Array(context.buffer, context.byteOffset, CONTEXT_BYTES);

/** The bytes from the first to the last that a run has changed. */
function changes(before: Uint8Array, after: Uint8Array): { readonly ctx_diff?: object } {
  const differs = (_: number, index: number) => before[index] !== after[index];
  const first = before.findIndex(differs);
  if (first < 0) return {};
  const last = before.findLastIndex(differs);
  return { ctx_diff: { off: first, bytes: toHex(after.slice(first, last + 1)) } };
}

/** A program ends with a jump to the return thunk, or with a plain return (then 0). */
function returnTarget(code: Uint8Array, address: bigint): bigint {
  const jump = code.length - 5;
  if (code[jump] !== 0xe9) return 0n;
  const distance = new DataView(code.buffer, code.byteOffset).getInt32(jump + 1, true);
  return BigInt.asUintN(64, address + BigInt(code.length + distance));
}

/** What the prologue takes from the stack pointer (`sub rsp, imm32`), behind `push rbp; mov rbp, rsp`. */
function stackBytes(code: Uint8Array): number {
  const text = toHex(code.subarray(0, 32));
  const taken = /^(?:f30f1efa)?0f1f440000(?:0f1f00|31c0|6690)554889e5(?:f30f1efa)?4881ec([0-9a-f]{8})/.exec(text);
  return taken === null ? 0 : Buffer.from(taken[1]!, 'hex').readUInt32LE();
}

const hex = (address: bigint): string => `0x${address.toString(16)}`;
