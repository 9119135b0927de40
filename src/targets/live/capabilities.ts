import { type Bpf, F_SLEEPABLE, PROG_TYPE_SOCKET_FILTER, PROG_TYPE_SYSCALL } from './bpf.ts';
import { type Circumstances, readCircumstances } from './circumstances.ts';
import {
  type Availability,
  available,
  type Facility,
  having,
  notPermitted,
  notSupported,
  refused,
} from './facility.ts';
import type { Libc } from './libc.ts';
import type { LiveKernel } from './live-kernel.ts';
import { createArena, OwnArena } from './own-arena.ts';
import { doNothing } from './programs.ts';

/**
 * What the running kernel and this user can do for roxcheck, one row a feature, found by doing each thing once with good
 * arguments (an errno alone would not tell a missing feature from a wrong argument). Everything made for it is released.
 */
export interface Capability {
  readonly feature: string;
  readonly state: Availability;
  /** What was found, or why it is missing. */
  readonly detail: string;
  /** What to do where it is missing. */
  readonly remedy: string | undefined;
}

export interface CapabilityReport {
  readonly capabilities: readonly Capability[];
  readonly circumstances: Circumstances;
}

export function probeCapabilities(kernel: LiveKernel): CapabilityReport {
  const { libc, bpf, btf, symbols, memory, pageWalk } = kernel;
  const circumstances = readCircumstances();
  const rows: readonly (readonly [feature: string, facility: Facility<unknown>])[] = [
    ['C library', libc],
    ['user memory without faults', having(libc, tryOwnCopy)],
    ['bpf(2)', bpf],
    ['programs', having(bpf, tryProgram)],
    ['JIT', having(bpf, tryJit)],
    ['JIT dump', having(bpf, tryDump)],
    ['code as generated', jitAsGenerated(circumstances)],
    ['kernel BTF', btf],
    ['arena', having(bpf, tryArena)],
    ['arena kfuncs', having(btf, (types) => having(bpf, (calls) => closing(OwnArena.open(calls, types))))],
    ['kernel addresses', symbols],
    ['kernel memory', memory],
    ['page tables', pageWalk],
  ];
  return { capabilities: rows.map(([feature, facility]) => asRow(feature, facility)), circumstances };
}

function asRow(feature: string, facility: Facility<unknown>): Capability {
  if (facility.kind === 'available') {
    return { feature, state: facility.kind, detail: facility.note, remedy: undefined };
  }
  return { feature, state: facility.kind, detail: facility.why, remedy: facility.remedy };
}

/** process_vm_readv() on ourselves: allowed to everybody, but seccomp filters of containers know it. */
function tryOwnCopy(libc: Libc): Facility<void> {
  const memory = libc.allocate(4096);
  memory.words[0] = 42n;
  const copied = libc.readOwn(memory.address, memory.address + 8, 8);
  const arrived = memory.words[1] === 42n;
  libc.munmap(memory.address, 4096);
  if (copied === 8 && arrived) return available(undefined);
  return refused('process_vm_readv() on ourselves', copied, {
    permit: 'allow process_vm_readv in the seccomp profile of the container',
    support: 'needs a kernel with CONFIG_CROSS_MEMORY_ATTACH',
  });
}

function tryProgram(bpf: Bpf): Facility<void> {
  const source = { type: PROG_TYPE_SYSCALL, flags: F_SLEEPABLE, name: 'rox_nothing', instructions: doNothing };
  const program = bpf.loadProgram(source);
  if (program < 0) return refused('loading a program of type SYSCALL', program, LOADING);
  const ran = bpf.run(program, 1);
  bpf.release(program);
  return ran < 0 ? refused('running a program of type SYSCALL', ran, LOADING) : available(undefined);
}

/** Everybody is told the length of a program's machine code: 0 says that it is interpreted. */
function tryJit(bpf: Bpf): Facility<void> {
  return withInformation(bpf, ({ codeBytes }) =>
    codeBytes > 0 ? available(undefined) : notSupported('programs are interpreted', 'set net.core.bpf_jit_enable to 1'),
  );
}

function tryDump(bpf: Bpf): Facility<void> {
  return withInformation(bpf, ({ code, parts }) => {
    if (code === undefined || parts.length === 0) {
      return notPermitted('the kernel withholds code and addresses', 'run as root, or with CAP_SYSLOG as well');
    }
    return available(undefined, `${code.length} bytes for the smallest program`);
  });
}

function withInformation(
  bpf: Bpf,
  judge: (information: Exclude<ReturnType<Bpf['programInformation']>, number>) => Facility<void>,
): Facility<void> {
  const program = bpf.loadProgram({ type: PROG_TYPE_SOCKET_FILTER, name: 'rox_nothing', instructions: doNothing });
  if (program < 0) return refused('loading a socket filter', program, LOADING);
  const information = bpf.programInformation(program);
  bpf.release(program);
  return typeof information === 'number' ? refused('asking about a program', information, LOADING) : judge(information);
}

/** With constants blinded, code differs from load to load: it can be run but not compared. */
function jitAsGenerated({ jitHarden, capabilities }: Circumstances): Facility<void> {
  if (jitHarden === undefined) return notPermitted('net.core.bpf_jit_harden cannot be read', 'run as root');
  const blinded =
    jitHarden === 2 ||
    (jitHarden === 1 && !capabilities.includes('CAP_BPF') && !capabilities.includes('CAP_SYS_ADMIN'));
  if (!blinded) return available(undefined, 'constants are not blinded');
  return notSupported(`net.core.bpf_jit_harden is ${jitHarden}: constants are blinded`, 'set it to 0 to compare code');
}

function tryArena(bpf: Bpf): Facility<void> {
  const map = createArena(bpf);
  if (map >= 0) {
    bpf.release(map);
    return available(undefined);
  }
  return refused('creating an arena', map, {
    permit: 'run as root, or with CAP_BPF',
    support: 'needs Linux 6.9 or later on x86-64, with the JIT on',
  });
}

function closing(arena: Facility<OwnArena>): Facility<void> {
  return having(arena, (open) => {
    open.close();
    return available(undefined);
  });
}

const LOADING = {
  permit: 'run as root, or with CAP_BPF',
  support: 'needs Linux 5.14 or later with CONFIG_BPF_SYSCALL',
};
