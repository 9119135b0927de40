/** Slots of the program array, and the patching of the tail calls that are compiled into programs. */
import { integer, made } from '../language/argument.ts';
import { operation } from '../language/operation.ts';
import type { BpfProgram } from '../model/bpf/life/bpf-program.ts';
import type { PokeRun } from '../model/bpf/life/prog-array.ts';
import type { WholeWorld } from '../model/whole-world.ts';
import { cpuArgument, cpuExists } from './circumstance.ts';

const slotArgument = integer({ min: 0, max: 3, default: 0 });

const update = operation({
  name: 'bpf_map_update_elem',
  does: 'Puts a program into a slot of the program array; patching its tail calls begins (arraymap.c).',
  makes: 'poke',
  weight: 6,
  takes: { prog: made<BpfProgram>('prog'), slot: slotArgument },
  ready: ({ array }: WholeWorld, { prog, slot }) =>
    prog.state === 'live' && !prog.tellsItsStack && array.run === undefined && array.slots.at(slot) !== prog,
  apply: ({ array }: WholeWorld, { prog, slot }) => array.begin(slot, prog),
});

const remove = operation({
  name: 'bpf_map_delete_elem',
  does: 'Empties a slot of the program array; patching its tail calls begins (arraymap.c).',
  makes: 'poke',
  weight: 6,
  takes: { slot: slotArgument },
  ready: ({ array }: WholeWorld, { slot }) => array.run === undefined && array.slots.at(slot) !== undefined,
  apply: ({ array }: WholeWorld, { slot }) => array.begin(slot, undefined),
});

const poke = operation({
  name: 'smp_text_poke_batch_process',
  does: 'Goes on with patching tail calls, phase by phase of the int3 protocol (alternative.c, bpf_jit_comp.c).',
  weight: 40,
  takes: {
    poke: made<PokeRun>('poke'),
    phases: integer({
      min: 1,
      max: 99,
      default: 99,
      typical: ({ random }) => (random.chance(0.3) ? 99 : random.between(1, 5)),
    }),
    cpu: cpuArgument,
  },
  ready: (world: WholeWorld, { poke: run, cpu }) => cpuExists(world, cpu) && world.array.run === run,
  apply({ array }: WholeWorld, { poke: run, phases, cpu }) {
    let done = 0;
    while (done < phases && array.advance(run, cpu)) done++;
    return done;
  },
});

export const programArrayOperations = [update, remove, poke] as const;
