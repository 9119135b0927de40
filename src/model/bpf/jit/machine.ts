/**
 * The machine a program is compiled for, as plain data: where the kernel put what the code refers to, how it was configured
 * and which mitigations its boot chose. What differs by kernel version is {@link JitBehaviour}.
 */
import { type JitDecisions, SOUND_DECISIONS } from './decisions.ts';
import { JIT_BEHAVIOUR, type JitBehaviour } from './profile.ts';

/**
 * A kernel address as a signed number: the address minus 2^64, exact for all of kernel text, modules and 4-level mappings.
 * Differences of two such numbers are what relative calls encode.
 */
export type KernelAddress = number;

export const kernelAddress = (address: bigint): KernelAddress => Number(BigInt.asIntN(64, address));

/** The way back: the unsigned 64-bit address. */
export const addressOf = (address: KernelAddress): bigint => BigInt.asUintN(64, BigInt(address));

export interface JitMachine {
  readonly behaviour: JitBehaviour;
  readonly decisions: JitDecisions;
  /** __bpf_call_base: immediates of helper calls count from it. */
  readonly callBase: KernelAddress;
  /** The return thunk in force; undefined: a plain ret. */
  readonly returnThunk: KernelAddress | undefined;
  /** CONFIG_MITIGATION_SLS: a plain ret is followed by int3. */
  readonly trapAfterReturn: boolean;
  readonly indirectJump: IndirectJump;
  /** __x86_call_depth when calls are counted (retbleed=stuff). */
  readonly callDepthCounter: KernelAddress | undefined;
  /**
   * Functions of the kernel in front of which the boot wrote the accounting, because kernel text calls them directly. The
   * JIT takes them for thunks that count themselves (arch/x86/kernel/callthunks.c:is_callthunk()) and calls them uncounted.
   */
  readonly countedCallees: ReadonlySet<KernelAddress>;
  readonly controlFlow: ControlFlow;
  readonly branchHistory: BranchHistory;
  /** The CPU has BMI2. */
  readonly bmi2: boolean;
  /** The low 32 bits of &this_cpu_off; undefined on a kernel without SMP. */
  readonly thisCpuOffset: number | undefined;
  /** (TASK_SIZE_MAX + PAGE_SIZE) >> 32: 0x8000 with four-level page tables, 0x1000000 with five. */
  readonly userLimitHigh: number;
  readonly offsets: StructOffsets;
}

/** How an indirect jump through rcx is made (arch/x86/net/bpf_jit_comp.c:emit_indirect_jump()). */
export type IndirectJump =
  | { readonly kind: 'plain'; readonly trapAfter: boolean }
  | { readonly kind: 'lfence' }
  /** Through a retpoline, call-depth or ITS thunk for rcx. */
  | { readonly kind: 'thunk'; readonly address: KernelAddress };

/** What a function begins with so that only allowed callers reach it. */
export type ControlFlow =
  | { readonly kind: 'none' }
  /** CONFIG_X86_KERNEL_IBT without CFI: endbr64. */
  | { readonly kind: 'ibt' }
  | { readonly kind: 'kcfi'; readonly hashes: CfiHashes; readonly callPadding: boolean; readonly ibt: boolean }
  /** `bhiArguments`: the thunks __bhi_args[arity] for main (arity 1) and other functions (arity 5). */
  | {
      readonly kind: 'fineibt';
      readonly hashes: CfiHashes;
      readonly bhiArguments: readonly [KernelAddress, KernelAddress] | undefined;
    };

/** Type hashes that the kernel's own compiler chose: cfi_bpf_hash and cfi_bpf_subprog_hash. */
interface CfiHashes {
  readonly main: number;
  readonly subprogram: number;
}

/** How classic programs of unprivileged users clear the branch history before they return. */
interface BranchHistory {
  /** clear_bhb_loop, when the loop is in use. */
  readonly loop: KernelAddress | undefined;
  readonly hardware: boolean;
  readonly hypervisor: boolean;
}

/** Bytes from the start of the structure, as the kernel was configured. */
interface StructOffsets {
  /** struct bpf_map: max_entries */
  readonly maxEntries: number;
  /** struct bpf_array: ptrs */
  readonly pointers: number;
  /** struct bpf_prog: bpf_func */
  readonly bpfFunc: number;
}

/** ENDBR_INSN_SIZE: whether and how much room endbr64 takes at the function's entry and at its tail-call entry. */
export const endbrSize = (machine: JitMachine): number => (hasEndbr(machine) ? 4 : 0);

export const hasEndbr = ({ controlFlow }: JitMachine): boolean =>
  controlFlow.kind === 'ibt' || controlFlow.kind === 'fineibt' || (controlFlow.kind === 'kcfi' && controlFlow.ibt);

/** Where bpf_func points behind the start of the image: behind the CFI preamble. */
export function cfiOffset({ controlFlow }: JitMachine): number {
  switch (controlFlow.kind) {
    case 'fineibt':
      return 16;
    case 'kcfi':
      return controlFlow.callPadding ? 16 : 5;
    default:
      return 0;
  }
}

/** An unmitigated four-level machine of Linux 6.18 with BMI2, as a start for variations. */
export const PLAIN_MACHINE: JitMachine = {
  behaviour: JIT_BEHAVIOUR['6.18'],
  decisions: SOUND_DECISIONS,
  callBase: kernelAddress(0xffffffff814cc810n),
  returnThunk: undefined,
  trapAfterReturn: false,
  indirectJump: { kind: 'plain', trapAfter: false },
  callDepthCounter: undefined,
  countedCallees: new Set(),
  controlFlow: { kind: 'none' },
  branchHistory: { loop: undefined, hardware: false, hypervisor: false },
  bmi2: true,
  thisCpuOffset: 0x19168,
  userLimitHigh: 0x8000,
  offsets: { maxEntries: 0x4c, pointers: 0x138, bpfFunc: 0x48 },
};
