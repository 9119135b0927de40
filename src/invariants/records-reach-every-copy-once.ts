import { invariant } from '../language/invariant.ts';
import { RELOCATION_KINDS } from '../model/bpf/btf/core-record.ts';
import type { LinkedProgram } from '../model/bpf/core-relocation/link.ts';
import type { CoreObject } from '../model/bpf/core-relocation/world/core-object.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { assembled } from './core-relocation/assembled.ts';
import { outcomeOf } from './core-relocation/outcome.ts';
import { sideOf } from './core-relocation/side.ts';
import { objectAfter } from './core-relocation/step.ts';

/** A record that is lost is never noticed by the kernel, and one in the wrong place not always: so both are counted here. */
export const recordsReachEveryCopyOnce = invariant<CoreWorld>({
  name: 'records-reach-every-copy-once',
  law: 'A program that is assembled for a loader has, for each copy of each function in it, each of its records once and at its instruction.',
  concerns: (_, happened) => objectAfter(happened, 'linked')?.object.loading === 'light-skeleton',
  judgeStep(world, happened, violated) {
    const { object, state } = objectAfter(happened, 'linked')!;
    for (const linked of state.linked) {
      const wanted = wantedRecords(world, object, linked.main.name);
      const actual = heldRecords(linked);
      const lost = wanted.filter((record) => !actual.includes(record));
      const extra = actual.filter((record, place) => !wanted.includes(record) || actual.indexOf(record) !== place);
      if (lost.length > 0) violated(`${linked.main.name} lacks ${lost.join(', ')}`);
      if (extra.length > 0) violated(`${linked.main.name} has ${extra.join(', ')}, which nobody asked for`);
    }
  },
});

/** Records as words: kind, type and instruction. Of a malformed one only the instruction is known to be right. */
function wantedRecords(world: CoreWorld, object: CoreObject, main: string): readonly string[] {
  const side = sideOf(world, object);
  return assembled(object, main)
    .pieces.filter(({ piece }) => outcomeOf(piece, object, side).kind !== 'passed-over')
    .map(({ piece, index }) => {
      if (piece.kind === 'malformed') return `a record at ${index}`;
      const typeId = object.typeIds[object.unit.types.indexOf(piece.type)];
      return `${piece.asks} of type ${typeId} at ${index}`;
    });
}

function heldRecords({ relocations }: LinkedProgram): readonly string[] {
  return relocations.flatMap((relocation) => {
    if (relocation.kind !== 'core') return [];
    const { typeId, kind } = relocation.record;
    const named = typeId > LAST_BASE_TYPE && RELOCATION_KINDS[kind] !== undefined && typeId < FIRST_MISSING_TYPE;
    return [
      named ? `${RELOCATION_KINDS[kind]} of type ${typeId} at ${relocation.index}` : `a record at ${relocation.index}`,
    ];
  });
}

/** Malformed records speak of a base type or of none: types that the developer declared come after those and the function's. */
const LAST_BASE_TYPE = 11;
const FIRST_MISSING_TYPE = 100_500;
