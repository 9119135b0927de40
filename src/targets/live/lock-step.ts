import { isDeepStrictEqual } from 'node:util';
import { JournaledArray } from '../../base/journal.ts';
import { type Happened, type Invariant, invariant } from '../../language/invariant.ts';
import { type AnyOperation, kindsMade, Refusal, type Shown } from '../../language/operation.ts';
import { showText } from '../../language/show-text.ts';
import { type Suite, suite } from '../../language/suite.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import type { ArenaMapping } from '../../model/bpf/arena-user-side.ts';
import type { ArenaCall } from '../../operations/arena-call.ts';
import { type ArenaTarget, asObserved, type LiveObject, type StateDifference } from './arena-target.ts';

import { KernelHealth } from './kernel-health.ts';

/**
 * Makes a suite whose every step is performed twice: on the model and then on the running kernel, whose answer and whose state
 * are compared at once. A difference breaks a law, so that everything that works on suites works here: generation, shrinking
 * (on both at once), replay, stories.
 *
 * The model can take steps back and the kernel can't. What the kernel was asked for stands in the model's journal; when it is
 * asked next and finds steps taken back, it begins afresh and performs those that still stand.
 */
export function inLockStep(
  model: Suite<ArenaWorld>,
  target: ArenaTarget,
  isAllowed: IsAllowed,
  whereabouts?: Whereabouts,
): Suite<ArenaWorld> {
  const kernel = new Follower(target, whereabouts);
  const restricted = asOnKernel(model, isAllowed);
  return suite({
    ...restricted,
    boot: (name, machine) => kernel.follow(model.boot(name, machine)),
    operations: restricted.operations.map((operation) => followed(operation, kernel)),
    invariants: lawsOf(kernel),
  });
}

/** The suite with every step that has a call told to somebody, who gets the call and what the model made of it. */
export function toldTo(model: Suite<ArenaWorld>, listener: StepListener): Suite<ArenaWorld> {
  const restricted = asOnKernel(model, () => true);
  return suite({
    ...restricted,
    operations: restricted.operations.map((operation) => followed(operation, listener)),
  });
}

export type IsAllowed = (world: ArenaWorld, call: ArenaCall) => boolean;

/** Where a trace stands when its driver dies: noted before each step, and read by somebody else. */
export interface Whereabouts {
  note(performed: number): void;
}

/** The suite with those steps only that a running kernel is asked for: from one seed it draws what {@link inLockStep} draws. */
export function asOnKernel(model: Suite<ArenaWorld>, isAllowed: IsAllowed): Suite<ArenaWorld> {
  const operations = model.operations.filter(({ syscall }) => syscall !== undefined);
  return suite({
    ...model,
    operations: operations.map((operation) => ({
      ...operation,
      ready(world: ArenaWorld, taken: object) {
        if (operation.ready !== undefined && !operation.ready(world, taken as never)) return false;
        const call = callFor(operation, world, taken);
        return call !== undefined && isAllowed(world, call);
      },
    })),
    invariants: [],
    kernelBugs: [],
  });
}

const callFor = (operation: AnyOperation, world: ArenaWorld, taken: object) =>
  operation.syscall!(world, taken as never) as ArenaCall | undefined;

function followed(operation: AnyOperation, kernel: StepListener): AnyOperation {
  return {
    ...operation,
    apply(world: ArenaWorld, taken: object) {
      const call = callFor(operation, world, taken)!;
      kernel.catchUp(world);
      const returned = operation.apply(world, taken as never);
      kernel.perform(world, { call, returned, shown: shownBy(operation, world, taken, returned) });
      return returned;
    },
  };
}

/** What a step shows on the model, in the words of a target. */
function shownBy(operation: AnyOperation, world: ArenaWorld, taken: object, returned: unknown): Shown {
  if (returned instanceof Refusal) return returned.answer;
  if (operation.shows !== undefined) return operation.shows(world, taken as never, returned);
  return kindsMade(operation).length > 0 ? 0 : (returned as Shown);
}

/** Hears of a step before it is performed on the model, and after. */
interface StepListener {
  catchUp(world: ArenaWorld): void;
  perform(world: ArenaWorld, step: FollowedStep): void;
}

/** A step as the kernel is to perform it, with what the model made of it. */
export interface FollowedStep {
  readonly call: ArenaCall;
  readonly returned: unknown;
  readonly shown: Shown;
}

/** The running kernel behind one model after the other. */
class Follower implements StepListener {
  readonly #target: ArenaTarget;
  readonly #health = new KernelHealth();
  readonly #whereabouts: Whereabouts | undefined;
  readonly #logs = new WeakMap<ArenaWorld, JournaledArray<FollowedStep>>();
  /** What the kernel has performed since it began afresh; undefined before, for somebody else may have used the target. */
  #performed: FollowedStep[] | undefined;
  /** How the last step differed; nothing is compared twice. */
  answers: { readonly model: Shown; readonly kernel: Shown } | undefined;
  states: readonly StateDifference[] = [];

  constructor(target: ArenaTarget, whereabouts?: Whereabouts) {
    this.#target = target;
    this.#whereabouts = whereabouts;
  }

  follow(world: ArenaWorld): ArenaWorld {
    this.#logs.set(world, new JournaledArray<FollowedStep>(world.journal));
    return world;
  }

  /** Brings the kernel to where the model stands. */
  catchUp(world: ArenaWorld): void {
    const { items } = this.#logs.get(world)!;
    // A step is one object and has one past: equal last steps mean equal pasts.
    if (this.#performed?.length === items.length && this.#performed.at(-1) === items.at(-1)) return;
    this.#target.reset();
    this.#performed = [];
    for (const step of items) this.#ask(step);
  }

  perform(world: ArenaWorld, step: FollowedStep): void {
    this.#logs.get(world)!.push(step);
    const kernel = this.#ask(step);
    const agree =
      kernel === undefined ? !(step.returned instanceof Refusal) : isDeepStrictEqual(asObserved(step.shown), kernel);
    this.answers = agree ? undefined : { model: step.shown, kernel };
    const arena = concerned(step);
    this.states = arena === undefined || this.answers !== undefined ? [] : this.#target.differences(arena);
  }

  #ask(step: FollowedStep): Shown {
    const number = this.#performed!.push(step);
    this.#whereabouts?.note(number);
    const { shown, made } = this.#target.perform(step.call);
    if (made !== undefined) this.#keep(step, made);
    this.#health.demand();
    return shown;
  }

  #keep({ returned }: FollowedStep, made: LiveObject): void {
    if (returned instanceof Refusal) this.#target.discard(made);
    else this.#target.bind(returned as object, made);
  }
}

/** The arena whose state a step can have changed, as long as it lives. */
function concerned({ call, returned }: FollowedStep): Arena | undefined {
  if (call.call === 'map-create') return returned instanceof Refusal ? undefined : (returned as ArenaMapping).arena;
  if (call.call === 'close-map') return undefined;
  if ('arena' in call) return call.arena.arena;
  if ('program' in call) return call.call === 'close-program' ? undefined : call.program.arena;
  return undefined;
}

/** One law for each kind of difference, so that a shrinker stays with the kind it began with. */
function lawsOf(kernel: Follower): readonly Invariant<ArenaWorld>[] {
  const everyStep = { concerns: (_: ArenaWorld, __: Happened) => true };
  const state = (part: StateDifference['part'], law: string) =>
    invariant<ArenaWorld>({
      name: `${part}-agree`,
      law,
      ...everyStep,
      judgeStep(_, __, violated) {
        for (const found of kernel.states.filter((one) => one.part === part)) {
          violated(
            `${found.where}: the model says ${showText(found.model)}, the kernel says ${showText(found.kernel)}`,
          );
        }
      },
    });
  return [
    invariant<ArenaWorld>({
      name: 'answers-agree',
      law: 'The running kernel answers each step as the model does.',
      ...everyStep,
      judgeStep(_, __, violated) {
        const { answers } = kernel;
        if (answers === undefined) return;
        violated(`the model says ${said(answers.model)}, the kernel says ${said(answers.kernel)}`);
      },
    }),
    state('free-slots', 'After each step the running kernel has the same free slots as the model.'),
    state('kernel-pages', 'After each step the running kernel has the same pages of the window present as the model.'),
    state('user-pages', 'After each step each process has the same pages of the arena present as on the model.'),
  ];
}

const said = (shown: Shown): string => showText(shown) ?? 'nothing';
