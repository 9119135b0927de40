import { fromHex, toHex } from '../base/bytes.ts';
import { roundUp } from '../base/word.ts';
import { InputError } from '../language/input-error.ts';
import type { Arena } from '../model/bpf/arena.ts';
import { HALF_GUARD_PAGES, SLOTS_PER_WINDOW } from '../model/bpf/arena-address.ts';
import { type ElementCommand, elementOperation, freezeArena } from '../model/bpf/arena-elements.ts';
import { freePages } from '../model/bpf/arena-free.ts';
import { allocatePages, reservePages } from '../model/bpf/arena-pages.ts';
import {
  type AccessAnswer,
  type AccessSize,
  type ArenaProgram,
  type AtomicKind,
  type FaultReport,
  loadProgram,
} from '../model/bpf/arena-program.ts';
import { type ArenaObject, type ArenaWorld, bootArenaWorld } from '../model/bpf/arena-world.ts';
import { adviseMemory, lockMemory, unlockMemory } from '../model/kernel/user-memory/advise-memory.ts';
import { protectMemory, remapMemory, unmapMemory } from '../model/kernel/user-memory/change-mapping.ts';
import { MAP_FIXED, MAP_PRIVATE, mapMemory } from '../model/kernel/user-memory/map-memory.ts';
import type { Process } from '../model/kernel/user-memory/process.ts';
import { readUserMemory, writeUserMemory } from '../model/kernel/user-memory/user-access.ts';
import { readAddress, readNumber, writeAddress } from './arena-address-text.ts';
import type { RecordedSequence } from './arena-recording.ts';

/** Fields by name, as they stand in a record. */
export type Shown = Readonly<Record<string, unknown>>;

/** One recorded step: an operation with its arguments, and what it showed. */
export interface RecordedStep {
  readonly op: string;
  readonly args: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly result: unknown;
  readonly base?: string;
  readonly baseChosen?: boolean;
}

/** Guests that record have 3 GiB of memory, the machine of the first recording 24 GiB. */
const GUEST_FRAMES = 3 * 2 ** 18;
const HOST_FRAMES = 24 * 2 ** 18;

/** Steps that only a loaded program can perform. */
const programSteps = new Set(['alloc', 'free', 'reserve', 'load', 'loadsx', 'store', 'atomic', 'castUser', 'castKern']);

/** One recorded sequence on a fresh model: performs steps and shows what the recorder would have written down. */
export class ArenaReplay {
  readonly #world: ArenaWorld;
  readonly #processes: readonly [Process, Process];
  readonly #object: ArenaObject | string;
  #program: ArenaProgram | undefined;
  #report: FaultReport | undefined;
  #closed = false;

  constructor(profileName: string, { create, kernel }: RecordedSequence) {
    const frames = kernel === undefined ? HOST_FRAMES : GUEST_FRAMES;
    this.#world = bootArenaWorld(profileName, { cpus: 1, nodes: 1, frames });
    this.#processes = [this.#world.newProcess(), this.#world.newProcess()];
    this.#object = this.#create(create);
  }

  created(): Shown {
    if (typeof this.#object === 'string') return { result: this.#object };
    return { result: 'ok', free: this.#free(), kernelPresent: this.#kernelPresent() };
  }

  perform(step: RecordedStep): Shown {
    if (step.result === 'unsupported' || step.result === 'skipped') return { result: step.result };
    this.#report = undefined;
    const base = this.#base ?? (step.base === undefined ? undefined : readNumber(step.base));
    const result = this.#perform(step, base);
    return typeof this.#object === 'string' ? { result } : { result, report: this.#reported(), ...this.#state() };
  }

  #perform({ op, args, baseChosen, base: chosen }: RecordedStep, base: bigint | undefined): unknown {
    if (op === 'create') {
      const created = this.#create(args as unknown as RecordedSequence['create']);
      return typeof created === 'string' ? created : 'ok';
    }
    const address = (name: string) => readAddress(String(args[name]), base);
    if (programSteps.has(op)) {
      if (this.#program === undefined) return 'noprog';
      return this.#performInProgram(this.#program, op, args, address);
    }
    const process = this.#processes[args.proc === 1 ? 1 : 0];
    const number = (name: string) => readNumber(args[name] ?? 0);
    switch (op) {
      case 'mmap':
        if (this.#closed) return 'EBADF';
        return this.#addressOrErrno(
          mapMemory(process, this.#arenaObject.mapping, {
            address: baseChosen ? readNumber(chosen) : address('addr'),
            length: number('len'),
            protection: Number(args.prot),
            flags: Number(args.flags),
            offset: number('off'),
          }),
        );
      case 'mmapAnon':
        return this.#addressOrErrno(
          mapMemory(process, undefined, {
            address: address('addr'),
            length: number('len'),
            protection: 3,
            flags: MAP_PRIVATE | MAP_FIXED,
            offset: 0n,
          }),
        );
      case 'munmap':
        return unmapMemory(process, address('addr'), number('len')) ?? 0;
      case 'mprotect':
        return protectMemory(process, address('addr'), number('len'), Number(args.prot)) ?? 0;
      case 'madvise':
        return adviseMemory(process, address('addr'), number('len'), Number(args.advice)) ?? 0;
      case 'mlock':
        return lockMemory(process, address('addr'), number('len')) ?? 0;
      case 'munlock':
        return unlockMemory(process, address('addr'), number('len')) ?? 0;
      case 'mremap':
        return this.#addressOrErrno(
          remapMemory(process, {
            address: address('addr'),
            oldLength: number('oldLen'),
            newLength: number('newLen'),
            flags: Number(args.flags),
            newAddress: args.newAddr === undefined ? 0n : address('newAddr'),
          }),
        );
      case 'uread':
        return shownRead(readUserMemory(process, address('addr'), Number(number('len'))));
      case 'uwrite':
        return writeUserMemory(process, address('addr'), bytesToWrite(args));
      case 'freeze':
        return freezeArena(this.#arena) ?? 0;
      case 'elem':
        return elementOperation(this.#arena, elementCommands[String(args.cmd)] as ElementCommand, {
          key: args.key === true,
          value: true,
        });
      case 'prog':
        return this.#loadProgram();
      case 'progBad':
        return 'EACCES';
      case 'closeMap':
        this.#closed = true;
        return 0;
      case 'window':
        return this.#window();
      case 'guards':
        return { below: this.#presentIn(-HALF_GUARD_PAGES, 0), above: this.#upperGuard() };
      default:
        throw new InputError(`unknown recorded operation ${op}`);
    }
  }

  #performInProgram(
    program: ArenaProgram,
    op: string,
    args: RecordedStep['args'],
    address: (name: string) => bigint,
  ): unknown {
    const count = Number(BigInt.asUintN(32, readNumber(args.count ?? 0)));
    const place = { pointer: address('addr'), offset: Number(args.off), size: Number(args.size) as AccessSize };
    switch (op) {
      case 'alloc': {
        const node = Number(BigInt.asIntN(32, readNumber(args.node ?? -1)));
        const flags = readNumber(args.flags ?? 0);
        const answer = allocatePages(this.#arena, { address: place.pointer, count, node, flags });
        return answer === 'oops' ? answer : writeAddress(answer, this.#base);
      }
      case 'free':
        freePages(this.#arena, place.pointer, count);
        return 'void';
      case 'reserve': {
        return reservePages(this.#arena, place.pointer, count);
      }
      case 'load':
        return this.#accessed(program.load(place));
      case 'loadsx':
        return this.#accessed(program.loadSigned(place));
      case 'store':
        return this.#accessed(program.store(place, readNumber(args.value)));
      case 'atomic':
        return this.#accessed(
          program.atomic(place, {
            kind: args.kind as AtomicKind,
            value: readNumber(args.value),
            expect: readNumber(args.expect),
          }),
        );
      case 'castUser':
        return writeAddress(program.castToUser(place.pointer), this.#base);
      default:
        return writeAddress(program.castToKernel(place.pointer), this.#base);
    }
  }

  #accessed({ value, report }: AccessAnswer): string {
    this.#report = report;
    return value === undefined ? 'void' : `0x${value.toString(16)}`;
  }

  #create(create: RecordedSequence['create']): ArenaObject | string {
    return this.#world.createArena({
      flags: create.flags,
      maxEntries: create.maxEntries,
      mapExtra: readNumber(create.mapExtra),
      keySize: create.keySize ?? 0,
      valueSize: create.valueSize ?? 0,
    });
  }

  #loadProgram(): string {
    const loaded = loadProgram(this.#arena, this.#world.machine.cpu(0));
    if (typeof loaded === 'string') return loaded;
    this.#program = loaded;
    return 'ok';
  }

  #addressOrErrno(answer: bigint | string): string {
    return typeof answer === 'string' ? answer : writeAddress(answer, this.#base);
  }

  get #arenaObject(): ArenaObject {
    if (typeof this.#object === 'string') throw new InputError('a step uses an arena that was not created');
    return this.#object;
  }

  get #arena(): Arena {
    return this.#arenaObject.arena;
  }

  get #base(): bigint | undefined {
    if (typeof this.#object === 'string') return undefined;
    const { userStart } = this.#object.arena;
    return userStart === 0n ? undefined : userStart;
  }

  #reported(): string | undefined {
    if (this.#report === undefined) return undefined;
    const digits = this.#report.address.toString(16).length;
    return digits === 12 ? this.#report.kind : `${this.#report.kind}/${digits}`;
  }

  #state(): Shown {
    const above = this.#upperGuard();
    return {
      mapped: this.#base === undefined ? undefined : this.#mapsBase(this.#processes[0]),
      free: this.#free(),
      kernelPresent: this.#kernelPresent(),
      userPresent: this.#userPresent(this.#processes[0]),
      peerPresent: this.#mapsBase(this.#processes[1]) ? this.#userPresent(this.#processes[1]) : undefined,
      upperGuardPresent: above.length === 0 ? undefined : above,
    };
  }

  #mapsBase(process: Process): boolean {
    return this.#base !== undefined && process.areaAt(Number(this.#base >> 12n)) !== undefined;
  }

  #free(): Runs {
    return [...this.#arena.free.runs()].map(({ first, last }): [number, number] => [first, last]);
  }

  /** Indices relative to the base modulo 2^20; relative to the window while there is no base. */
  #kernelPresent(): Runs {
    const baseIndex = this.#base === undefined ? 0 : Number(BigInt.asUintN(32, this.#base) >> 12n);
    return [
      ...this.#presentIn(baseIndex, SLOTS_PER_WINDOW).map((run) => shifted(run, -baseIndex)),
      ...this.#presentIn(0, baseIndex).map((run) => shifted(run, SLOTS_PER_WINDOW - baseIndex)),
    ].reduce(joined, []);
  }

  #presentIn(from: number, to: number): Runs {
    const runs: Runs = [];
    this.#arena.window.eachPresent(from, to, (index) => append(runs, index));
    return runs;
  }

  #upperGuard(): Runs {
    return this.#presentIn(SLOTS_PER_WINDOW, SLOTS_PER_WINDOW + HALF_GUARD_PAGES).map((run) =>
      shifted(run, -SLOTS_PER_WINDOW),
    );
  }

  #userPresent(process: Process): Runs {
    const { userStart, userEnd } = this.#arena;
    if (!this.#mapsBase(process)) return [];
    const runs: Runs = [];
    const first = Number(userStart >> 12n);
    process.eachEntry(first, Number(userEnd >> 12n), (_, page) => append(runs, page - first));
    return runs;
  }

  /** The size counts vmalloc's trailing guard page, as `vm_struct.size` does. */
  #window(): Shown {
    const bytes = roundUp((SLOTS_PER_WINDOW + 2 * HALF_GUARD_PAGES + 1) * 4096, 4096);
    return { areaSize: `0x${bytes.toString(16)}`, guardBelow: `0x${(HALF_GUARD_PAGES * 4096).toString(16)}` };
  }
}

type Runs = [number, number][];

const elementCommands: Readonly<Record<string, ElementCommand>> = {
  lookup: 'lookup',
  update: 'update',
  delete: 'delete',
  nextKey: 'next-key',
};

function append(runs: Runs, index: number): void {
  const last = runs.at(-1);
  if (last !== undefined && last[1] === index - 1) last[1] = index;
  else runs.push([index, index]);
}

const shifted = ([first, last]: [number, number], by: number): [number, number] => [first + by, last + by];

function joined(runs: Runs, [first, last]: [number, number]): Runs {
  const before = runs.at(-1);
  if (before !== undefined && before[1] === first - 1) before[1] = last;
  else runs.push([first, last]);
  return runs;
}

function bytesToWrite(args: RecordedStep['args']): Uint8Array {
  if (args.data !== undefined) return fromHex(String(args.data)) as Uint8Array;
  return new Uint8Array(Number(readNumber(args.len))).fill(Number(readNumber(args.fill)));
}

/** Data of up to 32 bytes in hexadecimal, longer data as runs of equal bytes. */
function shownRead(read: Uint8Array | string): unknown {
  if (typeof read === 'string') return read;
  return { n: read.length, data: read.length <= 32 ? toHex(read) : runLengths(read) };
}

function runLengths(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    let end = at + 1;
    while (end < bytes.length && bytes[end] === bytes[at]) end++;
    parts.push(`${toHex(bytes.subarray(at, at + 1))}*${end - at}`);
    at = end;
  }
  return parts.join(',');
}
