import { wholeJitFaults } from '../../faults/whole-jit.ts';
import { wholeVerifierFaults } from '../../faults/whole-verifier.ts';
import { memoryKernelBugs } from '../../invariants/memory-kernel-bugs.ts';
import { wholeKernelBugs } from '../../invariants/whole/whole-kernel-bugs.ts';
import { wholeLaws } from '../../invariants/whole/whole-laws.ts';
import type { AnyOperation } from '../../language/operation.ts';
import { suite } from '../../language/suite.ts';
import { Tlb } from '../../model/machine/tlb.ts';
import { bpfProgramOperations } from '../../operations/bpf-program.ts';
import { areaAccessOperations } from '../../operations/hardware.ts';
import { setMemoryOperations } from '../../operations/page-attributes.ts';
import { programArrayOperations } from '../../operations/program-array.ts';
import { vmallocOperations } from '../../operations/vmalloc.ts';
import { wholeArenaOperations } from '../../operations/whole-arena.ts';
import { bootWholeWorld } from '../boot-whole-world.ts';

/** What goes on around programs: areas come, change their rights and go, and their aliases in the direct map with them. */
const names = [
  'vmalloc',
  'vfree',
  'set_memory_rox',
  'set_memory_rw',
  'set_memory_ro',
  'set_memory_nx',
  'access',
  'speculate',
];
const around = [...vmallocOperations, ...setMemoryOperations, ...areaAccessOperations]
  .filter(({ name }) => names.includes(name))
  .map((operation): AnyOperation => ({ ...operation, weight: 0.4 * (operation.weight ?? 1) }));

export const wholeSuite = suite({
  name: 'whole',
  about:
    'BPF programs with arenas are verified, compiled, placed in packs, run on CPUs through page tables, patched and freed.',
  kernels: ['6.18', '6.12', '7.3'],
  boot: bootWholeWorld,
  operations: [...bpfProgramOperations, ...programArrayOperations, ...wholeArenaOperations, ...around],
  invariants: wholeLaws,
  faults: [...wholeJitFaults, ...wholeVerifierFaults],
  kernelBugs: [...wholeKernelBugs, ...memoryKernelBugs],
  copies: [Tlb],
  runs: 60,
  steps: 80,
});
