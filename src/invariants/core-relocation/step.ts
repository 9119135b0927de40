/** The object that a step worked on, for laws that judge right after it. */
import type { Happened } from '../../language/invariant.ts';
import { CoreObject, type ObjectState } from '../../model/bpf/core-relocation/world/core-object.ts';

/** The object of a step that made it or that turned its state into one of these kinds. */
export function objectAfter<Kind extends ObjectState['kind']>(
  { returned, taken }: Happened,
  ...kinds: readonly Kind[]
): { readonly object: CoreObject; readonly state: Extract<ObjectState, { kind: Kind }> } | undefined {
  const object = returned instanceof CoreObject ? returned : taken.object;
  if (!(object instanceof CoreObject)) return undefined;
  const { state } = object;
  if (!kinds.some((kind) => kind === state.kind)) return undefined;
  return { object, state: state as Extract<ObjectState, { kind: Kind }> };
}
