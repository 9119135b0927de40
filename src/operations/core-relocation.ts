/** What libbpf and the kernel do with an object: the CO-RE pass, appending, and the loads, one step each. */
import { boolean, made, oneOf } from '../language/argument.ts';
import { operation, refuse, type Shown } from '../language/operation.ts';
import { descriptorBytes } from '../model/bpf/core-relocation/descriptor.ts';
import { COMPILERS } from '../model/bpf/core-relocation/program-source/translation-unit.ts';
import type { Refusal } from '../model/bpf/core-relocation/refusal.ts';
import { CALLERS, type CoreObject } from '../model/bpf/core-relocation/world/core-object.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { coreSourceOperations } from './core-source.ts';
import { coreTypeOperations } from './core-types.ts';
import { mostly } from './mostly.ts';

const MOST_OBJECTS = 12;

const relocateCore = operation({
  name: 'bpf_object__relocate_core',
  does: 'libbpf opens what is compiled so far and goes over its CO-RE records: resolves them, or keeps them for the loader.',
  makes: 'object',
  weight: 4,
  takes: {
    loading: oneOf(['direct', 'light-skeleton']),
    by: mostly(oneOf(CALLERS, { default: 'root' }), ['root'], 0.8),
    debug_info: boolean({ default: true, probability: 0.97 }),
    compiler: mostly(oneOf(COMPILERS, { default: 'current' }), ['current'], 0.97),
  },
  ready: ({ functions, objects }: CoreWorld) => functions.length > 0 && objects.length < MOST_OBJECTS,
  apply: (world: CoreWorld, { loading, by: caller, debug_info: debugInfo, compiler }) =>
    world.relocateCore({ loading, caller, debugInfo, compiler }),
  shows: (_world: CoreWorld, _taken, object): Shown => {
    const { state } = object as CoreObject;
    return state.kind === 'refused' ? sayRefusal(state.refusal) : 'passed';
  },
});

const openAgain = operation({
  name: 'bpf_object__open_again',
  does: 'The same file is opened once more, to be loaded the other way.',
  makes: 'object',
  weight: 4,
  takes: { object: made<CoreObject>('object') },
  ready: ({ objects }: CoreWorld) => objects.length < MOST_OBJECTS,
  apply: (world: CoreWorld, { object }) => world.openAgain(object),
});

const relocateCalls = operation({
  name: 'bpf_object__relocate_calls',
  does: 'libbpf copies the functions that each program calls behind it; relocations move along.',
  weight: 8,
  takes: { object: made<CoreObject>('object') },
  ready: (_world: CoreWorld, { object }) => object.state.kind === 'passed',
  apply(world: CoreWorld, { object }) {
    if (object.state.kind === 'passed') world.relocateCalls(object, object.state.object);
    const { state } = object;
    if (state.kind === 'refused') return refuse(sayRefusal(state.refusal));
    return state.kind === 'linked' ? { ...descriptorBytes(state, world.profile.descriptor) } : undefined;
  },
});

const loadPrograms = operation({
  name: 'bpf_object__load_progs',
  does: 'Every program goes through BPF_PROG_LOAD: by libbpf as it is, or by the generated loader with its records.',
  weight: 8,
  takes: { object: made<CoreObject>('object') },
  ready: (_world: CoreWorld, { object }) => object.state.kind === 'linked',
  apply(world: CoreWorld, { object }) {
    if (object.state.kind === 'linked') world.load(object, object.state.object, object.state.linked);
    const { state } = object;
    if (state.kind === 'refused') return refuse(sayRefusal(state.refusal));
    if (state.kind !== 'loaded') return undefined;
    return state.refusal === undefined ? { loaded: state.loads.length } : refuse(sayRefusal(state.refusal));
  },
});

const cacheEviction = operation({
  name: 'candidate_cache_eviction',
  does: 'Another name falls into the slot of this one, and the kernel forgets the candidates it found.',
  hint: true,
  weight: 0.3,
  takes: { name: oneOf(['t', 's', 'r', 'e']) },
  apply({ kernel }: CoreWorld, { name }) {
    kernel.cache.evict(name);
  },
});

export const coreRelocationOperations = [
  ...coreTypeOperations,
  ...coreSourceOperations,
  relocateCore,
  openAgain,
  relocateCalls,
  loadPrograms,
  cacheEviction,
] as const;

const sayRefusal = (refusal: Refusal): string => (refusal.kind === 'oops' ? 'crash' : `-${refusal.errno}`);
