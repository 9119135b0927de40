/**
 * Helpers and kernel functions BPF programs call, as far as what they do can be seen by the program and by nothing else:
 * memory, randomness, time and identity. One helper serves the interpreter and the CPU, which differ only in how they
 * hand over arguments.
 */
import { u64 } from '../../base/word.ts';
import type { MemoryPort } from '../machine/cpu/memory-port.ts';
import { highHalf, lowHalf } from '../machine/cpu/register-file.ts';

/** What a helper sees of the program that called it. */
export interface HelperCall {
  /** r1 to r5, unsigned. */
  readonly arguments: readonly bigint[];
  readonly memory: MemoryPort;
  /** Calls a function of the program and gives its r0; undefined when the program stopped in it, and then so must you. */
  callback(address: bigint, ...parameters: bigint[]): bigint | undefined;
}

/** Gives r0, or undefined when a callback stopped the program, or the exception the helper throws. */
export type Helper = (call: HelperCall) => bigint | undefined | Thrown;

/** bpf_throw: the program is left at once, through its exception callback. */
export interface Thrown {
  readonly cookie: bigint;
}

export const EFAULT = 14n;

/** By the kernel's name. A function that returns nothing leaves r0 without meaning; here it becomes zero. */
export const HELPERS: ReadonlyMap<string, Helper> = new Map<string, Helper>([
  ['bpf_probe_read_kernel', probeReadKernel],
  ['bpf_user_rnd_u32', () => 0x9e3779b9n],
  ['bpf_ktime_get_ns', () => 1_000_000_000n],
  ['bpf_ktime_get_boot_ns', () => 1_000_000_000n],
  ['bpf_get_current_pid_tgid', () => (1n << 32n) | 1n],
  ['bpf_get_current_uid_gid', () => 0n],
  ['bpf_get_current_task', () => 0xffff_8880_0000_1000n],
  ['bpf_get_numa_node_id', () => 0n],
  ['bpf_get_smp_processor_id', () => 0n],
  ['bpf_rcu_read_lock', () => 0n],
  ['bpf_rcu_read_unlock', () => 0n],
  ['bpf_preempt_disable', () => 0n],
  ['bpf_preempt_enable', () => 0n],
  ['bpf_throw', ({ arguments: [cookie] }) => ({ cookie: cookie! })],
]);

/** A helper by its number in the interface to user space (include/uapi/linux/bpf.h); undefined where it is not modelled. */
export function helperNumbered(number: number): Helper | undefined {
  const name = NAMES[number];
  return name === undefined ? undefined : HELPERS.get(name);
}

const NAMES: Readonly<Record<number, string>> = {
  5: 'bpf_ktime_get_ns',
  7: 'bpf_user_rnd_u32',
  8: 'bpf_get_smp_processor_id',
  14: 'bpf_get_current_pid_tgid',
  15: 'bpf_get_current_uid_gid',
  35: 'bpf_get_current_task',
  42: 'bpf_get_numa_node_id',
  113: 'bpf_probe_read_kernel',
  125: 'bpf_ktime_get_boot_ns',
};

/** bpf_probe_read_kernel(dst, size, src): copies, or fills dst with zeros and gives -EFAULT (kernel/trace/bpf_trace.c). */
function probeReadKernel({ arguments: [to, size, from], memory }: HelperCall): bigint {
  const bytes: number[] = [];
  for (let index = 0; index < Number(size); index++) {
    const source = u64(from! + BigInt(index));
    if (memory.load(lowHalf(source), highHalf(source), 1) !== undefined) {
      writeBytes(memory, to!, new Array(Number(size)).fill(0));
      return u64(-EFAULT);
    }
    bytes.push(memory.lo);
  }
  writeBytes(memory, to!, bytes);
  return 0n;
}

function writeBytes(memory: MemoryPort, to: bigint, bytes: readonly number[]): void {
  for (const [index, byte] of bytes.entries()) {
    const address = u64(to + BigInt(index));
    memory.store(lowHalf(address), highHalf(address), 1, byte, 0);
  }
}
