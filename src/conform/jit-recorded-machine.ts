/**
 * The machine a recording was made on, as the compiler wants it. Addresses of the kernel come from the companion's symbols,
 * moved by the distance between the two boots' __bpf_call_base; what the line itself says goes before.
 */
import { toHex } from '../base/bytes.ts';
import { InputError } from '../language/input-error.ts';
import { SOUND_DECISIONS } from '../model/bpf/jit/decisions.ts';
import {
  type ControlFlow,
  type IndirectJump,
  type JitMachine,
  type KernelAddress,
  kernelAddress,
} from '../model/bpf/jit/machine.ts';
import { JIT_BEHAVIOUR, jitKernelOf } from '../model/bpf/jit/profile.ts';
import type { JitMeta, JitRecord, RecordedBoot } from './jit-record.ts';

/** Throws an InputError when the kernel is unknown or its companion does not know this boot. */
export function recordedMachine(record: JitRecord, meta: JitMeta): JitMachine {
  const kernel = jitKernelOf(record.kernel);
  if (kernel === undefined) throw new InputError(`kernel: there is no profile of ${record.kernel}`);
  const boot = recordedBoot(record, meta);
  const symbol = (name: string): KernelAddress => symbolAddress(boot, name, record.call_base);
  return {
    behaviour: JIT_BEHAVIOUR[kernel],
    decisions: SOUND_DECISIONS,
    callBase: kernelAddress(record.call_base),
    returnThunk: record.ret_thunk === 0n ? undefined : kernelAddress(record.ret_thunk),
    trapAfterReturn: shortestProgram(boot)?.endsWith('c3cc') ?? false,
    indirectJump: indirectJump(boot, meta, symbol),
    callDepthCounter: boot.return === 'call_depth_return_thunk' ? callDepthCounter(boot, symbol) : undefined,
    countedCallees: uncountedCalls(record),
    controlFlow: controlFlow(boot, meta),
    branchHistory: { loop: undefined, hardware: false, hypervisor: false },
    bmi2: true,
    thisCpuOffset: Number(BigInt.asIntN(32, BigInt(record.this_cpu_off32 ?? boot.kallsyms.this_cpu_off ?? 0))),
    userLimitHigh: FOUR_LEVEL_USER_LIMIT,
    offsets: {
      maxEntries: structOffset(meta, 'bpf_map.max_entries'),
      pointers: structOffset(meta, 'bpf_array.ptrs'),
      bpfFunc: structOffset(meta, 'bpf_prog.bpf_func'),
    },
  };
}

/** All recordings were made with four-level page tables (la57=off in the guests, no la57 flag on the host). */
const FOUR_LEVEL_USER_LIMIT = 0x8000;

/** Of a guest, the boot with the line's mitigations; a host had only one. */
function recordedBoot(record: JitRecord, meta: JitMeta): RecordedBoot {
  if (meta.jit === undefined) return { kallsyms: meta.kallsyms ?? {} };
  const boot = meta.jit[record.mitigation ?? ''];
  if (boot === undefined) throw new InputError(`mitigation: the companion has no boot ${record.mitigation}`);
  return boot;
}

function symbolAddress(boot: RecordedBoot, name: string, callBase: bigint): KernelAddress {
  const [text, base] = [boot.kallsyms[name], boot.kallsyms.__bpf_call_base];
  if (text === undefined || base === undefined) throw new InputError(`the companion lacks the symbol ${name}`);
  const address = BigInt(text);
  return isPerCpuOffset(address) ? Number(address) : kernelAddress(address + callBase - BigInt(base));
}

/** Per-CPU symbols of older kernels are small offsets that no boot moves. */
const isPerCpuOffset = (address: bigint): boolean => address < 1n << 32n;

/** The host's companion describes its jump in a sentence, a guest's lists where the tail call left the image. */
function indirectJump(boot: RecordedBoot, meta: JitMeta, symbol: (name: string) => KernelAddress): IndirectJump {
  const targets = boot['targets_outside_the_image_of_tailcall/indirect_pop0_s0_c0'] ?? [];
  const described = [...targets, String(meta.constants?.indirect_jump ?? '')].join(' ');
  const thunk = /__x86_indirect_\w+_rcx/.exec(described)?.[0];
  if (thunk !== undefined) return { kind: 'thunk', address: symbol(thunk) };
  return { kind: 'plain', trapAfter: shortestProgram(boot)?.endsWith('c3cc') ?? false };
}

/** Until 6.14 the counter stood in struct pcpu_hot, behind the current task and two 32-bit counters. */
function callDepthCounter(boot: RecordedBoot, symbol: (name: string) => KernelAddress): KernelAddress {
  const inPerCpuHot = 16;
  return '__x86_call_depth' in boot.kallsyms ? symbol('__x86_call_depth') : symbol('pcpu_hot') + inPerCpuHot;
}

/**
 * Which callees the kernel's boot had prepared to count themselves is not in the file but in its effect: a recorded call
 * that no accounting precedes. It is read once for each callee that the record names.
 */
function uncountedCalls({ funcs, jited, calls }: JitRecord): Set<KernelAddress> {
  const callees = new Set(calls.map(({ addr }) => kernelAddress(addr)));
  const found = new Set<KernelAddress>();
  const view = new DataView(jited.buffer, jited.byteOffset, jited.byteLength);
  let start = 0;
  for (const { addr, len } of funcs) {
    for (let at = start; callees.size > 0 && at + 5 <= start + len; at++) {
      if (jited[at] !== 0xe8) continue;
      const target = kernelAddress(addr) + (at - start) + 5 + view.getInt32(at + 1, true);
      if (callees.has(target) && !endsInAccounting(jited.subarray(0, at))) found.add(target);
    }
    start += len;
  }
  return found;
}

/** sar qword gs:[...], 5 */
const endsInAccounting = (code: Uint8Array): boolean =>
  toHex(code.subarray(-9, -5)) === '6548c13d' && code.at(-1) === 5;

/** Whether functions begin with endbr64 shows in the shortest program; configurations are not known for all kernels. */
function controlFlow(boot: RecordedBoot, meta: JitMeta): ControlFlow {
  const ibt = shortestProgram(boot)?.startsWith('f30f1efa') ?? meta.constants?.ENDBR_INSN_SIZE === 4;
  return { kind: ibt ? 'ibt' : 'none' };
}

const shortestProgram = (boot: RecordedBoot): string | undefined => boot['trivial_program_bytes (r0 = 0; exit)'];

function structOffset(meta: JitMeta, name: string): number {
  const offset = meta.struct_offsets[name];
  if (typeof offset !== 'number') throw new InputError(`the companion lacks the offset of ${name}`);
  return offset;
}
