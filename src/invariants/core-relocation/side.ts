/** What one side of CO-RE can see and how it decides, as laws state it: read from the profile, never from the code that decides. */

import type { TypeShape } from '../../model/bpf/core-relocation/program-source/type-shape.ts';
import type { CoreObject } from '../../model/bpf/core-relocation/world/core-object.ts';
import type { CoreWorld } from '../../model/bpf/core-relocation/world/core-world.ts';
import type { CoreProfile } from '../../model/bpf/core-relocation/world/profile.ts';

export interface Side {
  readonly who: 'libbpf' | 'kernel';
  readonly policy: CoreProfile['kernel'];
  /** The kernel's types in the order of their ids. */
  readonly shapes: readonly TypeShape[];
  /** Whether it finds types of modules. */
  readonly seesModules: boolean;
  readonly idOf: (shape: TypeShape) => number;
}

/** Whoever relocates this object. */
export function sideOf({ profile, kernel }: CoreWorld, { loading, caller }: CoreObject): Side {
  const shared = { shapes: kernel.types.shapes.items, idOf: (shape: TypeShape) => kernel.types.idOf(shape) };
  return loading === 'direct'
    ? { ...shared, who: 'libbpf', policy: profile.libbpf, seesModules: caller === 'root' }
    : { ...shared, who: 'kernel', policy: profile.kernel, seesModules: true };
}

/** The kernel's types that may stand for a local one: modules count only where vmlinux has none. */
export function candidatesOf(local: TypeShape, { shapes, policy, seesModules }: Side): readonly TypeShape[] {
  const isEnum = ({ kind }: TypeShape): boolean => kind === 'enum' || kind === 'enum64';
  const fits = (shape: TypeShape): boolean =>
    shape.name === local.name &&
    (shape.kind === local.kind || (policy.candidateKinds === 'enums-mix' && isEnum(shape) && isEnum(local)));
  const own = shapes.filter((shape) => !shape.inModule && fits(shape));
  return own.length > 0 || !seesModules ? own : shapes.filter((shape) => shape.inModule && fits(shape));
}
