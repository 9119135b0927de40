import { made } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { Binary } from '../model/kernel/binary-pack.ts';
import type { RcuReader } from '../model/kernel/grace-period.ts';
import type { World } from '../model/world.ts';
import { cpuArgument, cpuExists, failingArgument } from './circumstance.ts';
import { programLength } from './program-length.ts';

const bpfProgLoad = operation({
  name: 'bpf_prog_load',
  does: 'Loads a program in one go: laid out, filled with code, finalized (kernel/bpf/syscall.c).',
  makes: 'prog',
  takes: { length: programLength, cpu: cpuArgument },
  ready: ({ machine, text }: World, { length, cpu }) => cpu < machine.cpus.length && text.binaries.takes(length),
  apply({ text: { binaries } }: World, { length, cpu }) {
    const prog = binaries.allocate({ length, align: 4, random: 0, capable: true, cpu });
    if (prog === undefined) return refuse('-ENOMEM');
    binaries.finalize(prog, cpu);
    return prog;
  },
});

const bpfDispatcherAttach = operation({
  name: 'bpf_dispatcher_attach',
  does: 'bpf_dispatcher_change_prog(NULL, to): a program is attached for the first or another time.',
  weight: 2,
  takes: { to: made<Binary>('prog'), cpu: cpuArgument, failing: failingArgument },
  ready: (world: World, { to, cpu }) => isLive(to) && mayChange(world, cpu),
  apply: ({ text: { dispatcher }, failing: plan }: World, { to, cpu, failing }) =>
    plan.during(failing, () => dispatcher.change(undefined, to, cpu)),
});

const bpfDispatcherDetach = operation({
  name: 'bpf_dispatcher_detach',
  does: 'bpf_dispatcher_change_prog(from, NULL): one attachment of a program ends.',
  takes: { from: made<Binary>('prog'), cpu: cpuArgument, failing: failingArgument },
  ready: (world: World, { from, cpu }) => isLive(from) && mayChange(world, cpu),
  apply: ({ text: { dispatcher }, failing: plan }: World, { from, cpu, failing }) =>
    plan.during(failing, () => dispatcher.change(from, undefined, cpu)),
});

const bpfDispatcherChangeProg = operation({
  name: 'bpf_dispatcher_change_prog',
  does: 'Replaces a program by another, by itself, or by one that is attached already (kernel/bpf/dispatcher.c).',
  takes: { from: made<Binary>('prog'), to: made<Binary>('prog'), cpu: cpuArgument, failing: failingArgument },
  ready: (world: World, { from, to, cpu }) =>
    isLive(to) && mayChange(world, cpu) && world.text.dispatcher.programs.items.some(({ program }) => program === from),
  apply: ({ text: { dispatcher }, failing: plan }: World, { from, to, cpu, failing }) =>
    plan.during(failing, () => dispatcher.change(from, to, cpu)),
});

const synchronizeRcu = operation({
  name: 'bpf_dispatcher_synchronize_rcu',
  does: 'The grace period of the update in progress is over, and the dispatcher may be changed again.',
  weight: 3,
  takes: {},
  ready: ({ text: { dispatcher } }: World) => dispatcher.updateIsOver(),
  apply: ({ text: { dispatcher } }: World) => dispatcher.finishUpdate(),
});

const enterDispatcher = operation({
  name: 'bpf_dispatcher_xdp_func',
  does: 'A packet arrives: a CPU enters the half of the dispatcher that is published now, under rcu_read_lock().',
  makes: 'reader',
  takes: {},
  apply: ({ text: { dispatcher } }: World) => dispatcher.enter(),
});

const leaveDispatcher = operation({
  name: 'rcu_read_unlock',
  does: 'The CPU has run its program and leaves the dispatcher.',
  ends: 'reader',
  weight: 2,
  takes: { reader: made<RcuReader>('reader') },
  apply: ({ text: { dispatcher } }: World, { reader }) => dispatcher.leave(reader),
});

const isLive = ({ state }: Binary): boolean => state === 'live';

/** A change waits for the mutex that the update in progress holds; kernels without a dispatcher in packs have none here. */
function mayChange(world: World, cpu: number): boolean {
  const { profile, dispatcher } = world.text;
  return cpuExists(world, cpu) && profile.dispatcherInPacks && dispatcher.update === undefined;
}

export const dispatcherOperations = [
  bpfProgLoad,
  bpfDispatcherAttach,
  bpfDispatcherDetach,
  bpfDispatcherChangeProg,
  synchronizeRcu,
  enterDispatcher,
  leaveDispatcher,
] as const;
