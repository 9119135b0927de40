import { describe, expect, test } from 'vitest';
import type { Piece, Standing } from '../../src/model/bpf/core-relocation/program-source/translation-unit.ts';
import type { TypeShape } from '../../src/model/bpf/core-relocation/program-source/type-shape.ts';
import type { Caller, ObjectState } from '../../src/model/bpf/core-relocation/world/core-object.ts';
import { CoreWorld } from '../../src/model/bpf/core-relocation/world/core-world.ts';
import type { Loading } from '../../src/model/bpf/core-relocation/world/libbpf.ts';
import { coreProfiles } from '../../src/model/bpf/core-relocation/world/profile.ts';

const shape = (more: Partial<TypeShape> = {}): TypeShape => ({
  kind: 'struct',
  name: 't',
  flavoured: false,
  fields: [{ name: 'a', type: 'u32' }],
  inModule: false,
  ...more,
});

const exists = (type: TypeShape): Piece => ({
  kind: 'question',
  asks: 'type_exists',
  type,
  field: 0,
  form: 'mov',
  stale: false,
});

/** Loads one program for each list of pieces, all the way. */
function load(
  programs: readonly (readonly Piece[])[],
  types: { readonly kernel: readonly TypeShape[]; readonly local: readonly TypeShape[] },
  { loading, by }: { readonly loading: Loading; readonly by: Caller },
  others: readonly { readonly standing: Standing; readonly pieces: readonly Piece[] }[] = [],
): ObjectState {
  const world = new CoreWorld(coreProfiles.get('6.18')!);
  for (const type of types.kernel) world.kernel.types.shapes.push(type);
  for (const type of types.local) world.types.push(type);
  for (const { standing, pieces } of [
    ...programs.map((own) => ({ standing: 'program' as const, pieces: own })),
    ...others,
  ]) {
    const written = world.write(standing);
    for (const piece of pieces) written.pieces.push(piece);
  }
  const object = world.relocateCore({ loading, caller: by, debugInfo: true, compiler: 'current' });
  if (object.state.kind === 'passed') world.relocateCalls(object, object.state.object);
  if (object.state.kind === 'linked') world.load(object, object.state.object, object.state.linked);
  return object.state;
}

/** What the first program says: the immediate of its first instruction. */
function firstAnswer(state: ObjectState): number | string {
  if (state.kind !== 'loaded') return state.kind;
  const { image } = state.loads[0]!.attempt;
  return new DataView(image.buffer, image.byteOffset).getInt32(4, true);
}

describe('known differences between early and late that are about who loads, and what', () => {
  test('V4: a function that nobody calls fails the whole object early; late it is never looked at', () => {
    const local = shape();
    const ambiguous = [shape(), shape({ fields: [{ name: 'b', type: 'u64' }, ...shape().fields] })];
    const size: Piece = { kind: 'question', asks: 'type_size', type: local, field: 0, form: 'mov', stale: false };
    const types = { kernel: ambiguous, local: [local] };
    const unused = [{ standing: 'subprogram', pieces: [size] }] as const;
    expect(load([[exists(local)]], types, { loading: 'direct', by: 'root' }, unused)).toMatchObject({
      kind: 'refused',
      during: 'core',
      refusal: { errno: 'EINVAL' },
    });
    expect(load([[exists(local)]], types, { loading: 'light-skeleton', by: 'root' }, unused)).toMatchObject({
      kind: 'loaded',
      refusal: undefined,
    });
  });

  test('V9: CAP_BPF alone loads a socket filter, but not the loader of a light skeleton', () => {
    const local = shape();
    const types = { kernel: [shape()], local: [local] };
    expect(load([[exists(local)]], types, { loading: 'direct', by: 'bpf' })).toMatchObject({
      kind: 'loaded',
      refusal: undefined,
    });
    expect(load([[exists(local)]], types, { loading: 'light-skeleton', by: 'bpf' })).toMatchObject({
      kind: 'refused',
      during: 'loader',
      refusal: { errno: 'EINVAL' },
    });
    expect(load([[exists(local)]], types, { loading: 'light-skeleton', by: 'perfmon' })).toMatchObject({
      kind: 'loaded',
      refusal: undefined,
    });
  });

  test('V10: a bad record fails the whole object early; late it fails one load, and those before it are closed again', () => {
    const local = shape();
    const types = { kernel: [shape()], local: [local] };
    const programs: readonly Piece[][] = [
      [exists(local)],
      [{ kind: 'malformed', what: 'unknown-kind' }],
      [exists(local)],
    ];
    expect(load(programs, types, { loading: 'direct', by: 'root' })).toMatchObject({ kind: 'refused', during: 'core' });
    const late = load(programs, types, { loading: 'light-skeleton', by: 'root' });
    expect(late).toMatchObject({ kind: 'loaded', closed: 1, refusal: { errno: 'EINVAL' } });
    expect(late.kind === 'loaded' && late.loads.map(({ main }) => main)).toEqual(['function0', 'function1']);
  });

  test('V11: libbpf finds a module’s type only with the right to enumerate BTF; the kernel always does', () => {
    const local = shape();
    const types = { kernel: [shape({ inModule: true })], local: [local] };
    const answer = (loading: Loading, by: Caller) => firstAnswer(load([[exists(local)]], types, { loading, by }));
    expect(answer('direct', 'root')).toBe(1);
    expect(answer('direct', 'perfmon')).toBe(0);
    expect(answer('light-skeleton', 'perfmon')).toBe(1);
  });

  test('a type of vmlinux keeps those of modules from being looked at', () => {
    const local = shape();
    const two = [shape(), shape({ inModule: true, fields: [{ name: 'b', type: 'u64' }, ...shape().fields] })];
    const size: Piece = { kind: 'question', asks: 'type_size', type: local, field: 0, form: 'mov', stale: false };
    for (const loading of ['direct', 'light-skeleton'] as const)
      expect(firstAnswer(load([[size]], { kernel: two, local: [local] }, { loading, by: 'root' }))).toBe(4);
  });
});
