import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';

const WHOLE: readonly unknown[] = ['old', 'new', 'emulated', 'fault'];

export const noCpuRunsATornInstruction = invariant({
  name: 'no-cpu-runs-a-torn-instruction',
  law: 'A CPU that comes to an instruction being replaced runs the old or the new one, and no int3 goes unhandled.',
  concerns: (_: World, { operation }) => operation.name === 'execute_patched',
  judgeStep(_, { returned }, violated) {
    if (!WHOLE.includes(returned)) violated(`the CPU met: ${String(returned)}`);
  },
});
