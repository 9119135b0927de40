/**
 * An author's program all the way to machine code: loaded, compiled, its functions placed one behind another where modules and
 * JITed code begin. For programs that are looked at or run by themselves; in a world the program pack allocator chooses places.
 */
import { type ExceptionEntry, readExceptionEntry } from './exception-fixup.ts';
import type { Instruction } from './instruction.ts';
import { compile } from './jit/compile.ts';
import { ENTRY_BYTES } from './jit/exception-table.ts';
import { addressOf, type JitMachine, type KernelAddress, kernelAddress } from './jit/machine.ts';
import type { CompiledFunction } from './jit/program.ts';
import { type LoadedProgram, loadProgram } from './load.ts';

export interface PlacedProgram {
  readonly kind: 'placed';
  readonly loaded: LoadedProgram;
  readonly functions: readonly CompiledFunction[];
}

/** `reason` is a sentence that names the instruction where there is one to name. */
export interface NotCompiled {
  readonly kind: 'not-compiled';
  readonly reason: string;
}

/** `stackDepth` is that of every function; by default what each is seen to use. */
export function compileProgram(
  program: readonly Instruction[],
  machine: JitMachine,
  options: { readonly stackDepth?: number } = {},
): PlacedProgram | NotCompiled {
  const auxiliary = machine.behaviour.auxiliaryRegister;
  const loaded = loadProgram(program, { ...options, auxiliary, helperDistance });
  if (loaded.kind === 'malformed') {
    return { kind: 'not-compiled', reason: `instruction ${loaded.index}: ${loaded.message}` };
  }
  let next = TEXT;
  const place = (_: number, length: number) => {
    const address = next;
    next += Math.ceil((length + GAP_BYTES) / CHUNK_BYTES) * CHUNK_BYTES;
    return address;
  };
  const whole = { functions: loaded.functions, arena: undefined, wasClassic: false, blinding: undefined };
  const result = compile({ ...whole, loaderIsAdmin: true }, machine, place);
  if (result.kind === 'refused') {
    return { kind: 'not-compiled', reason: `the JIT refuses it with ${result.errno}: ${result.reason}` };
  }
  return { kind: 'placed', loaded, functions: result.functions };
}

/** MODULES_VADDR. */
const TEXT: KernelAddress = kernelAddress(0xffff_ffff_c000_0000n);
/** Bytes between functions, as headers and random starts make them, and what places are multiples of. */
const GAP_BYTES = 64;
const CHUNK_BYTES = 64;

/** Helpers stand in a row behind __bpf_call_base, 16 bytes each. */
export const helperDistance = (number: number): number => 16 * number;

/** The entries of a function's exception table, which lies behind its code. */
export function exceptionEntriesOf({ address, code, exceptionTable }: CompiledFunction): readonly ExceptionEntry[] {
  const table = addressOf(address) + BigInt((code.length + 3) & ~3);
  return Array.from({ length: exceptionTable.length / ENTRY_BYTES }, (_, index) =>
    readExceptionEntry(table + BigInt(ENTRY_BYTES * index), exceptionTable.subarray(ENTRY_BYTES * index)),
  );
}

/** The index in the author's program of the instruction whose code is at an address; undefined outside the program. */
export function instructionAt(ip: bigint, { functions, loaded }: PlacedProgram): number | undefined {
  for (const [index, { address, code, lineMap }] of functions.entries()) {
    const offset = Number(ip - addressOf(address));
    if (offset < 0 || offset >= code.length) continue;
    const slot = lineMap.findLastIndex((start) => start <= offset);
    return loaded.origins[index]![Math.max(0, slot)];
  }
  return undefined;
}
