/** A BPF program from its load to its end: what user space and the kernel's workers do with it. */
import { type Argument, boolean, integer, made, word64 } from '../language/argument.ts';
import { operation, refuse, type Shown } from '../language/operation.ts';
import type { Arena } from '../model/bpf/arena.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import type { BpfProgram } from '../model/bpf/life/bpf-program.ts';
import type { RunEnd } from '../model/bpf/life/program-run.ts';
import { pageOfText } from '../model/kernel/text-address.ts';
import type { WholeWorld } from '../model/whole-world.ts';
import { cpuArgument, cpuExists, failingArgument } from './circumstance.ts';
import { type ProgramCode, programArgument } from './program-argument.ts';
import { drawProgram } from './program-draw.ts';

const MOST_PROGRAMS = 12;
const blindedArgument = boolean({ default: false, probability: 0.4 });

const roomForOne = ({ programs }: WholeWorld): boolean => programs.all.length < MOST_PROGRAMS;

const program = operation({
  name: 'program',
  does: 'BPF_PROG_LOAD up to the JIT: the verifier follows every path of the program and rewrites it (verifier.c).',
  makes: 'prog',
  weight: 8,
  takes: { blinded: blindedArgument, code: programArgument((draft) => drawProgram(draft, false)) },
  ready: roomForOne,
  apply: (world: WholeWorld, { blinded, code }) => load(world, code, blinded, undefined),
});

const arenaProgram = operation({
  name: 'arena_program',
  does: 'The same for a program that uses an arena (arena.c, verifier.c).',
  makes: 'prog',
  weight: 10,
  takes: {
    arena: made<ArenaMapping>('arena'),
    blinded: blindedArgument,
    code: programArgument((draft) => drawProgram(draft, true)),
  },
  ready: roomForOne,
  apply(world: WholeWorld, { arena: { arena }, blinded, code }) {
    const made = load(world, code, blinded, arena);
    if ('state' in made) arena.set('users', arena.users + 1);
    return made;
  },
});

function load(world: WholeWorld, author: ProgramCode, blinded: boolean, arena: Arena | undefined) {
  const answer = world.programs.load({ author, arena, blinded });
  if ('state' in answer) return answer;
  return refuse(`${answer.errno} insn ${answer.index}: ${answer.message}`);
}

const compile = operation({
  name: 'bpf_int_jit_compile',
  does: 'The JIT measures a program, takes text and a buffer for each function and writes their code (bpf_jit_comp.c).',
  weight: 24,
  takes: {
    prog: made<BpfProgram>('prog'),
    random: integer({ min: 0, max: 4095, default: 0 }),
    cpu: cpuArgument,
    failing: failingArgument,
  },
  ready: (world: WholeWorld, { prog, cpu }) => cpuExists(world, cpu) && prog.state === 'loaded',
  apply({ programs, failing: plan }: WholeWorld, { prog, random, cpu, failing }) {
    const answer = plan.during(failing, () => programs.compile(prog, { random, cpu, capable: true }));
    if (typeof answer === 'object') return refuse(`-${answer.errno} ${answer.reason}`);
    return answer === '0' ? 0 : refuse(answer);
  },
});

const finalize = operation({
  name: 'bpf_prog_select_runtime',
  does: 'The buffers are poked over the text, and filled slots of program arrays into it: the program is live (core.c).',
  weight: 24,
  takes: { prog: made<BpfProgram>('prog'), cpu: cpuArgument },
  ready: (world: WholeWorld, { prog, cpu }) =>
    cpuExists(world, cpu) && prog.state === 'jited' && world.array.run === undefined,
  apply: ({ programs }: WholeWorld, { prog, cpu }) => programs.finalize(prog, cpu),
});

const wordArgument: Argument<bigint> = word64({ default: 0n });

const run = operation({
  name: 'bpf_prog_run',
  does: 'A CPU runs a program on a context of 64 bytes that begins with these words (filter.h).',
  weight: 20,
  takes: { prog: made<BpfProgram>('prog'), a: wordArgument, b: wordArgument, cpu: cpuArgument },
  ready: (world: WholeWorld, { prog, cpu }) => cpuExists(world, cpu) && prog.state === 'live',
  apply(world: WholeWorld, { prog, a, b, cpu }) {
    const done = world.run(prog, cpu, [a, b]);
    return done === undefined ? refuse('does not end') : shown(done.found);
  },
});

const shown = ({ value, story, arenaFaults }: RunEnd): Shown => ({
  ...(value === undefined ? { stopped: story } : { r0: value }),
  ...(arenaFaults.length > 0 && {
    reports: arenaFaults.slice(0, 4).map(({ write, address }) => ({ [write ? 'WRITE' : 'READ']: address })),
  }),
});

const put = operation({
  name: 'bpf_prog_put',
  does: 'The last user of a program lets go of it; after a grace period its text is freed (bpf_prog_free_deferred()).',
  ends: 'prog',
  weight: 3,
  takes: { prog: made<BpfProgram>('prog'), cpu: cpuArgument },
  ready: ({ array, machine }: WholeWorld, { prog, cpu }) =>
    cpu < machine.cpus.length && array.run === undefined && !array.slots.items.includes(prog),
  apply({ programs, log }: WholeWorld, { prog, cpu }) {
    const reports = log.reports.length;
    if (prog.arena !== undefined) prog.arena.set('users', prog.arena.users - 1);
    programs.free(prog, cpu);
    return log.since(reports);
  },
});

const speculate = operation({
  name: 'speculate_text',
  does: 'A CPU caches the translation of a page of a program, as it may at any time.',
  hint: true,
  weight: 2,
  takes: { prog: made<BpfProgram>('prog', { life: 'any' }), cpu: cpuArgument },
  ready: (world: WholeWorld, { prog, cpu }) => cpuExists(world, cpu) && prog.texts.length > 0,
  apply({ machine }: WholeWorld, { prog, cpu }) {
    const { mmu, space } = machine.cpu(cpu);
    return mmu.speculate(space, pageOfText(prog.texts[0]!.binary.image));
  },
});

const freeResident = operation({
  name: 'free_resident_text',
  does: 'The programs loaded at boot go: from here on the first pack comes and goes with those of the trace.',
  weight: 0.15,
  takes: { cpu: cpuArgument },
  ready: (world: WholeWorld, { cpu }) => cpuExists(world, cpu) && world.hasResidentText,
  apply: (world: WholeWorld, { cpu }) => world.freeResidentText(cpu),
});

export const bpfProgramOperations = [
  program,
  arenaProgram,
  compile,
  finalize,
  run,
  put,
  speculate,
  freeResident,
] as const;
