import { readFileSync } from 'node:fs';

/**
 * What /proc/kallsyms says: where the kernel's text begins, and where the code of every BPF program, trampoline and
 * dispatcher lies. Without CAP_SYSLOG (or with kernel.kptr_restrict=2) every address reads 0; data symbols are absent unless
 * the kernel was built with CONFIG_KALLSYMS_ALL, so none is asked for.
 */
export interface KernelSymbols {
  /** `_stext`; undefined where the addresses are hidden. */
  readonly textStart: bigint | undefined;
  readonly bpf: readonly KernelSymbol[];
}

export interface KernelSymbol {
  readonly address: bigint;
  readonly name: string;
}

/** Reads the list; an Error as the file system gives it. */
export function readKernelSymbols(): KernelSymbols | Error {
  try {
    return parseKernelSymbols(readFileSync('/proc/kallsyms', 'latin1'));
  } catch (error) {
    return error as Error;
  }
}

export function parseKernelSymbols(text: string): KernelSymbols {
  const start = /^([0-9a-f]+) \w _stext$/m.exec(text)?.[1];
  const textStart = start === undefined ? 0n : BigInt(`0x${start}`);
  const bpf = [...text.matchAll(/^([0-9a-f]+) \w (\S+)\t\[bpf\]$/gm)].map(([, address, name]) => ({
    address: BigInt(`0x${address}`),
    name: name!,
  }));
  return textStart === 0n ? { textStart: undefined, bpf: [] } : { textStart, bpf };
}
