import { type Fault, fault } from '../language/fault.ts';
import type { WholeWorld } from '../model/whole-world.ts';

const HERE = { kernel: '6.18', suite: 'whole', breaks: 'interpreter-and-cpu-agree' } as const;

const callLetInFirst = fault<WholeWorld>({
  ...HERE,
  name: 'tail-call-let-in-first',
  story:
    'The jump around a tail call goes before the call has a target: a CPU there leaves its frame and falls through.',
  alsoBreaks: ['freed-code-never-runs'],
  source:
    'plausible: bpf_arch_poke_desc_update() patching in one order for both directions (arch/x86/net/bpf_jit_comp.c)',
  plant({ array }) {
    const inOrder = array.replacements.bind(array);
    array.replacements = (patch, target) => [...inOrder(patch, target)].reverse();
  },
});

const emptiedSlotStaysInCode = fault<WholeWorld>({
  ...HERE,
  name: 'emptied-slot-stays-in-code',
  story: 'Deleting an element empties the slot but patches no tail call: code goes on into a program that may be gone.',
  alsoBreaks: ['freed-code-never-runs'],
  source: 'plausible: prog_array_map_poke_run() called for updates only (kernel/bpf/arraymap.c)',
  plant({ array }) {
    const patched = array.replacements.bind(array);
    array.replacements = (patch, target) => (target === undefined ? [] : patched(patch, target));
  },
});

/** Ways to patch tail calls wrongly. */
export const wholeTailCallFaults: readonly Fault<WholeWorld>[] = [callLetInFirst, emptiedSlotStaysInCode];
