import { invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { WholeWorld } from '../../model/whole-world.ts';

export const verifiedProgramsAreCompiled = invariant<WholeWorld>({
  name: 'verified-programs-are-compiled',
  law: 'The JIT compiles every program that the verifier accepts, unless memory runs out.',
  concerns: (_, { operation }) => operation.name === 'bpf_int_jit_compile',
  judgeStep(_, { returned }, violated) {
    if (returned instanceof Refusal && returned.answer !== '-ENOMEM') violated(`the JIT answers ${returned.answer}`);
  },
});
