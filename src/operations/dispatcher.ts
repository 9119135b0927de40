import { made } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { Binary } from '../model/kernel/binary-pack.ts';
import type { RcuReader } from '../model/kernel/grace-period.ts';
import type { World } from '../model/world.ts';
import { cpuArgument, cpuExists, failingEarlyArgument } from './circumstance.ts';
import { programLength } from './program-length.ts';

const devXdpInstall = operation({
  name: 'dev_xdp_install',
  does: 'Loads a program and attaches it: bpf_prog_load(), then bpf_prog_change_xdp(NULL, prog) (net/core/dev.c).',
  makes: 'prog',
  weight: 2,
  takes: { length: programLength, cpu: cpuArgument, failing: failingEarlyArgument },
  ready: (world: World, { length, cpu }) => mayChange(world, cpu) && world.text.binaries.takes(length),
  apply({ text: { binaries, dispatcher }, failing: plan }: World, { length, cpu, failing }) {
    if (dispatcher.update !== undefined) return SLEEPS;
    const prog = binaries.allocate({ length, align: 4, random: 0, capable: true, cpu });
    if (prog === undefined) return refuse('-ENOMEM');
    binaries.finalize(prog, cpu);
    plan.during(failing, () => dispatcher.change(undefined, prog, cpu));
    return prog;
  },
});

const bpfDispatcherAttach = operation({
  name: 'bpf_dispatcher_attach',
  does: 'bpf_dispatcher_change_prog(NULL, to) for a program that is attached: one more user, and nothing to publish.',
  takes: { to: made<Binary>('prog'), cpu: cpuArgument, failing: failingEarlyArgument },
  ready: (world: World, { to, cpu }) => isAttached(world, to) && mayChange(world, cpu),
  apply: ({ text: { dispatcher }, failing: plan }: World, { to, cpu, failing }) =>
    dispatcher.update === undefined ? plan.during(failing, () => dispatcher.change(undefined, to, cpu)) : SLEEPS,
});

const bpfDispatcherDetach = operation({
  name: 'bpf_dispatcher_detach',
  does: 'bpf_dispatcher_change_prog(from, NULL): one attachment of a program ends.',
  takes: { from: made<Binary>('prog'), cpu: cpuArgument, failing: failingEarlyArgument },
  ready: (world: World, { from, cpu }) => isLive(from) && mayChange(world, cpu),
  apply: ({ text: { dispatcher }, failing: plan }: World, { from, cpu, failing }) =>
    dispatcher.update === undefined ? plan.during(failing, () => dispatcher.change(from, undefined, cpu)) : SLEEPS,
});

const bpfDispatcherChangeProg = operation({
  name: 'bpf_dispatcher_change_prog',
  does: 'Replaces a program by another, by itself, or by one that is attached already (kernel/bpf/dispatcher.c).',
  takes: { from: made<Binary>('prog'), to: made<Binary>('prog'), cpu: cpuArgument, failing: failingEarlyArgument },
  ready: (world: World, { from, to, cpu }) => isLive(to) && isAttached(world, from) && mayChange(world, cpu),
  apply: ({ text: { dispatcher }, failing: plan }: World, { from, to, cpu, failing }) =>
    dispatcher.update === undefined ? plan.during(failing, () => dispatcher.change(from, to, cpu)) : SLEEPS,
});

const synchronizeRcu = operation({
  name: 'bpf_dispatcher_synchronize_rcu',
  does: 'The update in progress looks whether its grace period is over; then the dispatcher may be changed again.',
  weight: 6,
  takes: {},
  ready: ({ text: { dispatcher } }: World) => dispatcher.update !== undefined,
  apply: ({ text: { dispatcher } }: World) => (dispatcher.updateIsOver() ? dispatcher.finishUpdate() : SLEEPS),
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

const isAttached = ({ text: { dispatcher } }: World, prog: Binary): boolean =>
  dispatcher.programs.items.some(({ program }) => program === prog);

const isLive = ({ state }: Binary): boolean => state === 'live';

/** Kernels without a dispatcher in packs have none here. */
function mayChange(world: World, cpu: number): boolean {
  return cpuExists(world, cpu) && world.text.profile.dispatcherInPacks;
}

/** The answer to a task that cannot go on now: a change waits for the mutex that an update holds, an update for its readers. */
const SLEEPS = refuse('sleeps');

export const dispatcherOperations = [
  devXdpInstall,
  bpfDispatcherAttach,
  bpfDispatcherDetach,
  bpfDispatcherChangeProg,
  synchronizeRcu,
  enterDispatcher,
  leaveDispatcher,
] as const;
