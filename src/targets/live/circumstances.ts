import { readdirSync, readFileSync } from 'node:fs';

/**
 * What decides how the running kernel behaves and what it would do to us: the JIT's settings, the CPU's mitigations, what a
 * warning costs, and which capabilities this process has. All of it is read from /proc and /sys, nothing is tried.
 */
export interface Circumstances {
  /** net.core.bpf_jit_enable; undefined where this user may not read it or the kernel always compiles. */
  readonly jitEnable: number | undefined;
  /** net.core.bpf_jit_harden: above 0 constants are blinded and code is not what was asked for. */
  readonly jitHarden: number | undefined;
  /** kernel.panic_on_warn: a warning ends the machine. */
  readonly panicOnWarn: boolean | undefined;
  /** Names of the effective capabilities that matter here. */
  readonly capabilities: readonly string[];
  readonly missingCapabilities: readonly string[];
  /** By vulnerability, what the kernel does about it; those that do not affect this CPU are left out. */
  readonly mitigations: Readonly<Record<string, string>>;
}

export function readCircumstances(): Circumstances {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(textOf('/proc/self/status') ?? '')?.[1] ?? '0'}`);
  const has = ({ bit }: { readonly bit: bigint }) => ((effective >> bit) & 1n) === 1n;
  const panic = numberIn('/proc/sys/kernel/panic_on_warn');
  return {
    jitEnable: numberIn('/proc/sys/net/core/bpf_jit_enable'),
    jitHarden: numberIn('/proc/sys/net/core/bpf_jit_harden'),
    panicOnWarn: panic === undefined ? undefined : panic !== 0,
    capabilities: CAPABILITIES.filter(has).map(({ name }) => name),
    missingCapabilities: CAPABILITIES.filter((one) => !has(one)).map(({ name }) => name),
    mitigations: readMitigations(),
  };
}

/** include/uapi/linux/capability.h; CAP_SYS_ADMIN contains CAP_BPF and CAP_PERFMON, but not CAP_SYSLOG. */
const CAPABILITIES = [
  { name: 'CAP_SYS_ADMIN', bit: 21n },
  { name: 'CAP_SYSLOG', bit: 34n },
  { name: 'CAP_PERFMON', bit: 38n },
  { name: 'CAP_BPF', bit: 39n },
];

const VULNERABILITIES = '/sys/devices/system/cpu/vulnerabilities';

function readMitigations(): Readonly<Record<string, string>> {
  const names = listed(VULNERABILITIES).toSorted();
  const all = names.map((name) => [name, textOf(`${VULNERABILITIES}/${name}`)?.trim() ?? 'unreadable'] as const);
  return Object.fromEntries(all.filter(([, text]) => text !== 'Not affected'));
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // An older kernel, or a container without /sys: then nothing is known.
  }
}

function numberIn(path: string): number | undefined {
  const text = textOf(path);
  return text === undefined ? undefined : Number(text);
}

/** Undefined where the file is absent or closed to this user. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
