import { Random } from '../src/base/seed.ts';
import { Session } from '../src/engine/session.ts';
import { arenaSuite } from '../src/lab/suites/arena.ts';
import type { Step } from '../src/language/trace.ts';
import type { ArenaWorld } from '../src/model/arena-world.ts';
import { medianRatio, nanosecondsPerStep } from './rounds.ts';
import type { Ratio } from './speed.ts';

/**
 * The steady state of an arena that is in use: a program and a process access its pages, and every third step frees some of
 * them or allocates them again. All laws of the suite judge every step.
 */
export function arenaSteps(rounds: number): readonly Ratio[] {
  const times = nanosecondsPerStep(
    {
      small: arm(16, true),
      smallBare: arm(16, false),
      full: arm(2 ** 20, true),
      fullBare: arm(2 ** 20, false),
    },
    { rounds, warmUps: 2 },
  );
  const fastest = Math.min(...times.small);
  return [
    {
      name: 'arena of 16 pages, all laws / the same steps without',
      ratio: medianRatio(times.small, times.smallBare),
      wanted: 'at most 3',
    },
    {
      name: 'arena of 4 GiB, all populated / arena of 16 pages, all laws',
      ratio: medianRatio(times.full, times.small),
      wanted: 'at most 2',
    },
    {
      name: 'speed: thousand arena steps per second of processor time, all laws',
      ratio: 1e6 / fastest,
      wanted: 'at least 300',
    },
  ];
}

const STEPS = 20_000;

/** Every round performs the same steps on the arena as the last one left it. */
function arm(slots: number, judging: boolean): () => number {
  const session = new Session(arenaSuite, { kernel: '6.18', judging, machine: { memory: '8192' } });
  populate(session, slots);
  const steps = steadySteps(slots);
  return () => {
    for (let index = 0; index < steps.length; index++) {
      const outcome = session.perform(steps[index]!);
      if (outcome !== 'ok' && outcome !== 'refused') throw new Error(`${outcome} in the bench`);
    }
    return steps.length;
  };
}

const ARENA = 0;
const PROGRAM = 1;
const PROCESS = 2;
const operations = new Map(arenaSuite.operations.map((operation) => [operation.name, operation]));

function step(name: string, args: Readonly<Record<string, unknown>>, made: readonly number[] = []): Step {
  const operation = operations.get(name)!;
  const defaults = Object.entries(operation.takes as Record<string, { readonly default?: unknown }>).map(
    ([argument, { default: value }]) => [argument, value],
  );
  return { operation, args: { ...Object.fromEntries(defaults), ...args }, made };
}

function populate(session: Session<ArenaWorld>, slots: number): void {
  const place = slots === 2 ** 20 ? 'aligned' : 'page';
  session.perform(step('arena_map_alloc', { slots, place }, [ARENA]));
  session.perform(step('bpf_prog_load', { arena: ARENA }, [PROGRAM]));
  session.perform(step('fork', {}, [PROCESS]));
  session.perform(step('mmap', { process: PROCESS, arena: ARENA }));
  for (let page = 0; page < slots; page += 2048) {
    const count = Math.min(2048, slots - page);
    session.perform(step('bpf_arena_alloc_pages', { program: PROGRAM, form: 'null', count }));
  }
}

function steadySteps(slots: number): readonly Step[] {
  const random = new Random('steady');
  const steps: Step[] = [];
  let freed: { readonly page: number; readonly count: number } | undefined;
  while (steps.length < STEPS) {
    const at = { program: PROGRAM, page: random.below(slots), byte: 8 * random.below(512) };
    const user = { process: PROCESS, arena: ARENA, page: at.page, byte: at.byte };
    const kind = random.below(18);
    if (kind < 3) steps.push(step('arena_load', at));
    else if (kind < 6) steps.push(step('arena_store', { ...at, value: BigInt(steps.length) }));
    else if (kind < 7) steps.push(step('arena_atomic', { ...at, kind: 'fadd', expect: 0n }));
    else if (kind < 10) steps.push(step('process_vm_readv', user));
    else if (kind < 12) steps.push(step('process_vm_writev', { ...user, data: new Uint8Array(8) }));
    else if (freed === undefined) {
      const count = 1 + random.below(4);
      freed = { page: random.below(slots - count + 1), count };
      steps.push(step('bpf_arena_free_pages', { program: PROGRAM, ...freed }));
    } else {
      const form = random.chance(0.5) ? 'full' : 'null';
      steps.push(step('bpf_arena_alloc_pages', { program: PROGRAM, ...freed, form }));
      freed = undefined;
    }
  }
  return steps;
}
