import { fromHex, toHex } from '../base/bytes.ts';
import { InputError } from '../language/input-error.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import type { Arena } from '../model/bpf/arena.ts';
import { type ElementCommand, elementOperation, freezeArena } from '../model/bpf/arena-elements.ts';
import {
  freeRuns,
  guardsPresent,
  kernelPresent,
  observeState,
  type Shown,
  windowShape,
} from '../model/bpf/arena-observation.ts';
import type { AccessAnswer, AccessSize, ArenaProgram, AtomicKind, FaultReport } from '../model/bpf/arena-program.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import { adviseMemory, lockMemory, unlockMemory } from '../model/kernel/user-memory/advise-memory.ts';
import { protectMemory, remapMemory, unmapMemory } from '../model/kernel/user-memory/change-mapping.ts';
import { MAP_FIXED, MAP_PRIVATE, mapMemory } from '../model/kernel/user-memory/map-memory.ts';
import type { Process } from '../model/kernel/user-memory/process.ts';
import { readUserMemory, writeUserMemory } from '../model/kernel/user-memory/user-access.ts';
import { readAddress, readNumber, writeAddress } from './arena-address-text.ts';
import type { RecordedCreation, RecordedStep } from './arena-record.ts';

/** Steps that only a loaded program can perform. */
const programSteps = new Set(['alloc', 'free', 'reserve', 'load', 'loadsx', 'store', 'atomic', 'castUser', 'castKern']);

/** One recorded sequence on the model: performs steps and shows what the recorder would have written down. */
export class ArenaReplica {
  readonly #world: ArenaWorld;
  readonly #processes: readonly [Process, Process];
  readonly #mapping: ArenaMapping | string;
  #program: ArenaProgram | undefined;
  #report: FaultReport | undefined;
  #closed = false;

  constructor(world: ArenaWorld, creation: RecordedCreation) {
    this.#world = world;
    this.#processes = [world.newProcess(), world.newProcess()];
    this.#mapping = this.#create(creation);
  }

  created(): Shown {
    if (typeof this.#mapping === 'string') return { result: recorded(this.#mapping) };
    return { result: 'ok', free: freeRuns(this.#arena), kernelPresent: kernelPresent(this.#arena) };
  }

  /** A step that the recorder did not perform is not performed either: the record holds the reason as its result. */
  perform(step: RecordedStep): Shown {
    if (step.result === 'unsupported' || step.result === 'skipped') return { result: step.result };
    this.#report = undefined;
    const base = this.#base ?? (step.base === undefined ? undefined : readNumber(step.base));
    const result = recorded(this.#perform(step, base));
    if (typeof this.#mapping === 'string') return { result };
    return { result, report: this.#reported(), ...observeState(this.#arena, this.#processes) };
  }

  #perform({ op, args, baseChosen, base: chosen }: RecordedStep, base: bigint | undefined): unknown {
    if (op === 'create') {
      const created = this.#create(args as unknown as RecordedCreation);
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
        if (this.#closed) return '-EBADF';
        return this.#addressOrErrno(
          mapMemory(process, this.#arenaMapping, {
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
        return '-EACCES';
      case 'closeMap':
        this.#closed = true;
        return 0;
      case 'window':
        return windowShape();
      case 'guards':
        return guardsPresent(this.#arena);
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
    const { allocator, frees } = this.#world.arenas;
    switch (op) {
      case 'alloc': {
        const node = Number(BigInt.asIntN(32, readNumber(args.node ?? -1)));
        const flags = readNumber(args.flags ?? 0);
        const answer = allocator.allocate(this.#arena, {
          address: place.pointer,
          count,
          node,
          flags,
          sleepable: true,
        });
        return answer === 'oops' ? answer : writeAddress(answer, this.#base);
      }
      case 'free':
        frees.free(this.#arena, place.pointer, count, true);
        return 'void';
      case 'reserve': {
        return allocator.reserve(this.#arena, place.pointer, count);
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

  #create(create: RecordedCreation): ArenaMapping | string {
    return this.#world.arenas.create({
      flags: create.flags,
      maxEntries: create.maxEntries,
      mapExtra: readNumber(create.mapExtra),
      keySize: create.keySize ?? 0,
      valueSize: create.valueSize ?? 0,
    });
  }

  #loadProgram(): string {
    const loaded = this.#world.arenas.loadProgram(this.#arena, this.#world.machine.cpu(0));
    if (typeof loaded === 'string') return loaded;
    this.#program = loaded;
    return 'ok';
  }

  #addressOrErrno(answer: bigint | string): string {
    return typeof answer === 'string' ? answer : writeAddress(answer, this.#base);
  }

  get #arenaMapping(): ArenaMapping {
    if (typeof this.#mapping === 'string') throw new InputError('a step uses an arena that was not created');
    return this.#mapping;
  }

  get #arena(): Arena {
    return this.#arenaMapping.arena;
  }

  get #base(): bigint | undefined {
    if (typeof this.#mapping === 'string' || this.#arena.userStart === 0n) return undefined;
    return this.#arena.userStart;
  }

  #reported(): string | undefined {
    if (this.#report === undefined) return undefined;
    const digits = this.#report.address.toString(16).length;
    return digits === 12 ? this.#report.kind : `${this.#report.kind}/${digits}`;
  }
}

const elementCommands: Readonly<Record<string, ElementCommand>> = {
  lookup: 'lookup',
  update: 'update',
  delete: 'delete',
  nextKey: 'next-key',
};

/** Errors stand without a sign in recordings. */
const recorded = (answer: unknown): unknown =>
  typeof answer === 'string' && answer.startsWith('-E') ? answer.slice(1) : answer;

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
