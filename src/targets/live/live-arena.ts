import type { Runs } from '../../model/bpf/arena-observation.ts';
import type { AccessCall } from '../../operations/arena-call.ts';
import { ArenaObject } from './arena-object.ts';
import { ARENA_OPERATION, ARENA_WORD, ARENA_WORDS, accessArena, performOnArena } from './arena-programs.ts';
import type { ArenaTools } from './arena-tools.ts';
import { F_SLEEPABLE, PROG_TYPE_SYSCALL } from './bpf.ts';
import { FaultReports } from './fault-reports.ts';

/** An arena of the running kernel: its descriptor, and the object behind it. */
export class LiveArena {
  readonly descriptor: number;
  readonly #object: ArenaObject;

  constructor(tools: ArenaTools, descriptor: number) {
    this.descriptor = descriptor;
    this.#object = new ArenaObject(tools, tools.objects.behind(descriptor));
  }

  /** The first page of its window, by the number of the kernel's page. */
  get windowPage(): number {
    return this.#object.windowPage;
  }

  /** Undefined where the kernel does not tell. */
  freeRuns(): Runs | undefined {
    return this.#object.freeRuns();
  }

  windowPresent(): Runs {
    return this.#object.presentPages();
  }
}

type Access = Omit<AccessCall, 'call' | 'program'>;

/** What an access left in its register, and how many letters its report has; 0 without one. */
interface LiveAnswer {
  readonly value: bigint;
  readonly told: number;
}

/** A program that uses an arena: one descriptor for calls, and one for each other kind of access that was asked for. */
export class LiveProgram {
  readonly #tools: ArenaTools;
  readonly #arena: LiveArena;
  readonly #main: Part;
  readonly #accesses = new Map<string, Part>();

  private constructor(tools: ArenaTools, arena: LiveArena, main: Part) {
    this.#tools = tools;
    this.#arena = arena;
    this.#main = main;
  }

  /** Loads it; `-errno` where the verifier refuses. */
  static load(tools: ArenaTools, arena: LiveArena): LiveProgram | number {
    const instructions = performOnArena(arena.descriptor, tools.functions);
    const descriptor = tools.bpf.loadProgram({ ...KIND, name: 'rox_arena', instructions });
    return descriptor < 0 ? descriptor : new LiveProgram(tools, arena, { descriptor, reports: undefined });
  }

  /** Runs one of the calls; what the kernel function answered. */
  call(operation: keyof typeof ARENA_OPERATION, words: Partial<Record<keyof typeof ARENA_WORD, bigint>>): bigint {
    return this.#run(this.#main, { operation: BigInt(ARENA_OPERATION[operation]), ...words });
  }

  access(call: Access): LiveAnswer {
    const { pointer: address, value, expect } = call;
    const part = this.#partFor(call);
    part.reports ??= this.#reportsOf(part.descriptor);
    const operation = BigInt(call.access === 'load' ? ARENA_OPERATION.load : ARENA_OPERATION.store);
    const left = this.#run(part, { operation, address, value, expect });
    return { value: left, told: part.reports?.next() ?? 0 };
  }

  close(): void {
    for (const { descriptor } of [this.#main, ...this.#accesses.values()]) this.#tools.bpf.release(descriptor);
  }

  #partFor(call: Access): Part {
    const { access, size, offset } = call;
    if (size === 8 && offset === 0 && (access === 'load' || access === 'store')) return this.#main;
    const key = `${access}/${size}/${offset}`;
    const known = this.#accesses.get(key);
    if (known !== undefined) return known;
    const { bpf } = this.#tools;
    const instructions = accessArena(this.#arena.descriptor, call);
    const descriptor = bpf.loadProgram({ ...KIND, name: 'rox_access', instructions });
    if (descriptor < 0) throw new Error(`a program for ${key} is refused: errno ${-descriptor}\n${bpf.log}`);
    const part = { descriptor, reports: undefined };
    this.#accesses.set(key, part);
    return part;
  }

  #reportsOf(descriptor: number): FaultReports | undefined {
    const { objects, streamBytes } = this.#tools;
    return streamBytes === undefined ? undefined : new FaultReports(objects, objects.behind(descriptor), streamBytes);
  }

  #run({ descriptor }: Part, words: Partial<Record<keyof typeof ARENA_WORD, bigint>>): bigint {
    const { bpf } = this.#tools;
    const { context } = bpf;
    context.fill(0n, 0, ARENA_WORDS);
    for (const [name, word] of Object.entries(words)) context[ARENA_WORD[name as keyof typeof ARENA_WORD]] = word;
    const ran = bpf.run(descriptor, ARENA_WORDS);
    if (ran < 0) throw new Error(`a program on an arena does not run: errno ${-ran}`);
    return context[ARENA_WORD.result]!;
  }
}

interface Part {
  readonly descriptor: number;
  /** Looked for when it first matters. */
  reports: FaultReports | undefined;
}

const KIND = { type: PROG_TYPE_SYSCALL, flags: F_SLEEPABLE } as const;
