import { InputError } from '../language/input-error.ts';
import { type JitMachine, PLAIN_MACHINE } from '../model/bpf/jit/machine.ts';
import { MITIGATION_SETS, type MitigationSet, machineWith } from '../model/bpf/jit/mitigations.ts';
import { JIT_BEHAVIOUR, type JitKernel, jitKernelOf } from '../model/bpf/jit/profile.ts';
import type { VerbOption } from './verb.ts';

/** The machine that verbs compile for: which kernel's JIT, and what its boot does against speculation. */
export const machineOptions: readonly VerbOption[] = [
  {
    syntax: '--kernel <kernel>',
    does: `whose JIT: ${Object.keys(JIT_BEHAVIOUR).join(', ')}`,
    default: '6.18',
    parse(text): JitKernel {
      const kernel = jitKernelOf(text);
      if (kernel !== undefined) return kernel;
      throw new InputError(`Expected one of ${Object.keys(JIT_BEHAVIOUR).join(', ')}.`);
    },
  },
  {
    syntax: '--mitigations <set>',
    does: `what the boot does against speculation: none, ${Object.keys(MITIGATION_SETS).join(', ')}`,
    default: 'none',
    parse(text): string {
      if (text === 'none' || text in MITIGATION_SETS) return text;
      throw new InputError(`Expected none, ${Object.keys(MITIGATION_SETS).join(', ')}.`);
    },
  },
];

export interface MachineOptions {
  readonly kernel: JitKernel;
  readonly mitigations: MitigationSet | 'none';
}

export function machineOf({ kernel, mitigations }: MachineOptions): JitMachine {
  if (mitigations !== 'none') return machineWith(kernel, mitigations);
  return { ...PLAIN_MACHINE, behaviour: JIT_BEHAVIOUR[kernel] };
}
