import type { FieldName, KernelObjects } from './kernel-objects.ts';

/**
 * The error stream of one program (kernel/bpf/stream.c), where faults in an arena are told. 6.18.44 counts what is told and
 * then loses it, so what is observed of a report is its length: of all its text only the kind of access and the address
 * differ between reports of one process ({@link tellingLength}).
 */
export class FaultReports {
  readonly #objects: KernelObjects;
  readonly #capacity: bigint;
  #counted: number;

  constructor(objects: KernelObjects, program: bigint, streamBytes: number) {
    this.#objects = objects;
    const streams = objects.placeOf(objects.word(program, 'bpf_prog.aux'), 'bpf_prog_aux.stream');
    this.#capacity = objects.placeOf(streams + BigInt(STANDARD_ERROR * streamBytes), 'bpf_stream.capacity');
    this.#counted = this.#count();
  }

  /** How many letters were told since the last look. */
  next(): number {
    const counted = this.#count();
    const told = counted - this.#counted;
    this.#counted = counted;
    return told;
  }

  #count(): number {
    return Number(BigInt.asUintN(32, this.#objects.wordAt(this.#capacity)));
  }
}

/** The letters of a report that tell one from another: `READ` or `WRITE`, and the address in hexadecimal. */
export const tellingLength = (kind: string, address: bigint): number => kind.length + address.toString(16).length;

/** What {@link FaultReports} asks the kernel's BTF for. */
export const REPORT_FIELDS: readonly FieldName[] = ['bpf_prog.aux', 'bpf_prog_aux.stream', 'bpf_stream.capacity'];

/** Streams of a program: 0 is standard output, 1 standard error. */
const STANDARD_ERROR = 1;
