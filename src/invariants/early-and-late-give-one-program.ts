import { toHex } from '../base/bytes.ts';
import { invariant } from '../language/invariant.ts';
import type { TypeShape } from '../model/bpf/core-relocation/program-source/type-shape.ts';
import type { CoreObject } from '../model/bpf/core-relocation/world/core-object.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { objectAfter } from './core-relocation/step.ts';

/** What a developer who moves to light skeletons relies on; where it does not hold in general is known (V1 to V11). */
export const earlyAndLateGiveOneProgram = invariant<CoreWorld>({
  name: 'early-and-late-give-one-program',
  law: 'Where each name stands for one kernel type, a program relocated by libbpf and by the kernel is the same, bit for bit.',
  concerns: (world, happened) => pairOf(world, objectAfter(happened, 'loaded')?.object) !== undefined,
  judgeStep(world, happened, violated) {
    const { early, late } = pairOf(world, objectAfter(happened, 'loaded')!.object)!;
    for (const [main, image] of imagesOf(late)) {
      const other = imagesOf(early).get(main);
      if (other !== undefined && other !== image) violated(`${main} is ${other} early and ${image} late`);
    }
  },
});

/** A direct and a light load of the same code, both through, where nothing excuses a difference. */
function pairOf(
  world: CoreWorld,
  object: CoreObject | undefined,
): { readonly early: CoreObject; readonly late: CoreObject } | undefined {
  if (object === undefined || !isPlain(world, object)) return undefined;
  const text = JSON.stringify(object.unit);
  const other = world.objects.items.find(
    (candidate) =>
      candidate.loading !== object.loading &&
      candidate.state.kind === 'loaded' &&
      JSON.stringify(candidate.unit) === text &&
      isPlain(world, candidate),
  );
  if (other === undefined) return undefined;
  return object.loading === 'direct' ? { early: object, late: other } : { early: other, late: object };
}

/** The provisos of section E of the facts: one candidate, one kind a name, flat matches, func_info, all rights. */
function isPlain({ kernel }: CoreWorld, { caller, unit }: CoreObject): boolean {
  if (caller !== 'root' || !unit.debugInfo) return false;
  const shapes: readonly TypeShape[] = [...kernel.types.shapes.items, ...unit.types];
  const oneKind = shapes.every(({ name, kind }) => shapes.every((other) => other.name !== name || other.kind === kind));
  const names = kernel.types.shapes.items.map(({ name }) => name);
  const pieces = unit.functions.flatMap((source) => source.pieces);
  return (
    oneKind &&
    new Set(names).size === names.length &&
    pieces.every((piece) => piece.kind !== 'malformed') &&
    pieces.every((piece) => piece.kind !== 'question' || piece.asks !== 'type_matches')
  );
}

/** The code of each main program after relocation and before the verifier. */
const imagesOf = ({ state }: CoreObject): ReadonlyMap<string, string> =>
  new Map(
    state.kind !== 'loaded'
      ? []
      : state.loads
          .filter(({ attempt }) => attempt.stage === 'verifier')
          .map(({ main, attempt }) => [main, toHex(attempt.image)] as const),
  );
