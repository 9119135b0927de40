import { isDeepStrictEqual } from 'node:util';
import type { Shown } from '../../language/operation.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import { type Runs, userPresent, windowPresent } from '../../model/bpf/arena-observation.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import type { ArenaMapping } from '../../model/bpf/arena-user-side.ts';
import type { Process } from '../../model/kernel/user-memory/process.ts';
import type { ArenaCall } from '../../operations/arena-call.ts';
import type { ArenaTools } from './arena-tools.ts';
import { BLACK_BOX_VARIABLE } from './black-box.ts';
import { F_MMAPABLE, MAP_TYPE_ARENA } from './bpf.ts';
import { errnoName } from './facility.ts';
import { tellingLength } from './fault-reports.ts';
import type { Memory } from './libc.ts';
import { LiveArena, LiveProgram } from './live-arena.ts';
import { PeerProcess } from './peer-process.ts';
import { SYS_MADVISE, SYS_MMAP, SYS_MPROTECT, SYS_MREMAP, SYS_MUNMAP, signed, UserSpace } from './user-space.ts';
import { WindowSpace } from './window-space.ts';

/**
 * What a step shows on the model in the words of this target: of a fault's report only its length can be observed.
 */
export function asObserved(shown: Shown): Shown {
  if (shown === null || typeof shown !== 'object' || !('report' in shown)) return shown;
  const { report, at, ...rest } = shown as { readonly report: string; readonly at: bigint };
  return { ...rest, telling: tellingLength(report, at) };
}

/** What the kernel answered, and what of its own stands for what the step made. */
export interface Answered {
  readonly shown: Shown;
  readonly made?: LiveObject;
}

export type LiveObject = LiveArena | LiveProgram | UserSpace;

/**
 * The running kernel as performer of arena calls. Objects of the model stand for what was made here under the same step
 * ({@link ArenaTarget.bind}). The first process of a trace is this one; the others are peers, started once and used again.
 */
export class ArenaTarget {
  readonly #tools: ArenaTools;
  readonly #builtPeer: URL;
  readonly #buffer: Memory;
  readonly #own: UserSpace;
  readonly #windows = new WindowSpace({ ofGuest: BLACK_BOX_VARIABLE in process.env });
  readonly #peers: PeerProcess[] = [];
  readonly #arenas = new Map<Arena, LiveArena>();
  readonly #programs = new Map<ArenaProgram, LiveProgram>();
  readonly #spaces = new Map<Process, UserSpace>();
  readonly #sameInEachReport: number;

  /** `builtPeer` is the module of peers as Node can load it. */
  constructor(tools: ArenaTools, builtPeer: URL) {
    this.#tools = tools;
    this.#builtPeer = builtPeer;
    this.#buffer = tools.libc.allocate(BUFFER_BYTES);
    this.#own = UserSpace.own(tools.libc);
    this.#sameInEachReport = this.#measureReport();
  }

  /** How long the report of a known fault is without what tells reports apart; 0 where the kernel reports nothing. */
  #measureReport(): number {
    const creation = { flags: F_MMAPABLE, maxEntries: 1, mapExtra: BASE_OF_MEASURE, keySize: 0, valueSize: 0 };
    const { made: arena } = this.#createMap({ call: 'map-create', ...creation });
    if (!(arena instanceof LiveArena)) throw new Error('no arena can be made');
    const program = LiveProgram.load(this.#tools, arena);
    if (typeof program === 'number') throw new Error(`no program can be loaded: errno ${-program}`);
    const { told } = program.access({
      access: 'load',
      pointer: BASE_OF_MEASURE,
      offset: 0,
      size: 8,
      value: 0n,
      expect: 0n,
    });
    program.close();
    this.#tools.bpf.release(arena.descriptor);
    return told === 0 ? 0 : told - tellingLength('READ', BASE_OF_MEASURE);
  }

  /** Releases everything that a trace has made. */
  reset(): void {
    for (const program of this.#programs.values()) program.close();
    for (const { descriptor } of this.#arenas.values()) this.#tools.bpf.release(descriptor);
    if (this.#spaces.size > 0) this.#own.clear();
    for (const peer of this.#peers.slice(0, Math.max(0, this.#spaces.size - 1))) peer.reset();
    this.#programs.clear();
    this.#arenas.clear();
    this.#spaces.clear();
  }

  close(): void {
    this.reset();
    for (const peer of this.#peers) peer.end();
    this.#own.close();
  }

  /** Says which object of the model is from now on what the last call made. */
  bind(model: object, made: LiveObject): void {
    if (made instanceof LiveArena) this.#arenas.set((model as ArenaMapping).arena, made);
    else if (made instanceof LiveProgram) this.#programs.set(model as ArenaProgram, made);
    else this.#spaces.set(model as Process, made);
  }

  /** Releases what a call made that the model refused. */
  discard(made: LiveObject): void {
    if (made instanceof LiveArena) this.#tools.bpf.release(made.descriptor);
    else if (made instanceof LiveProgram) made.close();
  }

  /** Performs a call and answers as the model would: a value, or the name of an errno. */
  perform(call: ArenaCall): Answered {
    switch (call.call) {
      case 'map-create':
        return this.#createMap(call);
      case 'close-map': {
        const { descriptor } = this.#arena(call.arena.arena);
        for (const peer of this.#peers) peer.forget(descriptor);
        this.#tools.bpf.release(descriptor);
        this.#arenas.delete(call.arena.arena);
        return NOTHING;
      }
      case 'map-freeze':
        return answer(this.#tools.bpf.freezeMap(this.#arena(call.arena.arena).descriptor));
      case 'map-element':
        return answer(this.#tools.bpf.elementCommand(this.#arena(call.arena.arena).descriptor, call));
      case 'prog-load': {
        const program = LiveProgram.load(this.#tools, this.#arena(call.arena.arena));
        return typeof program === 'number' ? answer(program) : { shown: 0, made: program };
      }
      case 'close-program': {
        this.#program(call.program).close();
        this.#programs.delete(call.program);
        return NOTHING;
      }
      case 'new-process': {
        const space = this.#nextSpace();
        return { shown: 0, made: space };
      }
      case 'end-process':
        this.#space(call.process).clear();
        return NOTHING;
      case 'mmap':
      case 'munmap':
      case 'mprotect':
      case 'mremap':
      case 'madvise-dontneed':
        return this.#changeMapping(call);
      case 'process-read':
      case 'process-write':
        return this.#accessAsUser(call);
      default:
        return this.#runProgram(call);
    }
  }

  /** Free slots, pages of the window and pages of each process, where they differ from what the model has. */
  differences(arena: Arena): readonly StateDifference[] {
    const live = this.#arena(arena);
    const found: StateDifference[] = [];
    const compare = (part: StateDifference['part'], model: Runs, kernel: Runs, where: string) => {
      if (!isDeepStrictEqual(model, kernel)) found.push({ part, where, model, kernel });
    };
    const freeOnModel: Runs = [...arena.free.runs()].map(({ first, last }) => [first, last]);
    compare('free-slots', freeOnModel, live.freeRuns() ?? freeOnModel, 'free slots');
    compare('kernel-pages', windowPresent(arena), live.windowPresent(), 'pages that the kernel has present');
    if (arena.userStart === 0n || arena.userStart >= END_OF_USER_HALF) return found;
    const first = Number(arena.userStart >> 12n);
    for (const [process, space] of this.#spaces) {
      if (process.areaAt(first) === undefined) continue;
      const kernel = space.presentPages(first, first + arena.userPages);
      compare('user-pages', userPresent(arena, process), kernel, `pages that process ${process.number} has present`);
    }
    return found;
  }

  #createMap(call: Extract<ArenaCall, { call: 'map-create' }>): Answered {
    this.#windows.waitForRoom();
    const descriptor = this.#tools.bpf.createMap({
      map_type: MAP_TYPE_ARENA,
      key_size: call.keySize,
      value_size: call.valueSize,
      max_entries: call.maxEntries,
      map_flags: call.flags,
      map_extra: call.mapExtra,
      map_name: 'rox_arena',
    });
    if (descriptor < 0) return answer(descriptor);
    const made = new LiveArena(this.#tools, descriptor);
    this.#windows.note(made.windowPage);
    return { shown: 0, made };
  }

  #runProgram(call: ProgramCall): Answered {
    const program = this.#program(call.program);
    switch (call.call) {
      case 'alloc-pages': {
        const { address, count, node = -1, flags = 0n } = call;
        const words = { address, count: BigInt(count), node: BigInt.asUintN(64, BigInt(node)), flags };
        const page = program.call('alloc', words);
        return { shown: page === 0n ? 'NULL' : page - call.program.arena.userStart };
      }
      case 'free-pages':
        program.call('free', { address: call.address, count: BigInt(call.count) });
        return NOTHING;
      case 'reserve-pages': {
        const result = program.call('reserve', { address: call.address, count: BigInt(call.count) });
        return answer(Number(BigInt.asIntN(32, result)));
      }
      case 'cast':
        return { shown: program.call(call.to === 'user' ? 'castUser' : 'castKernel', { address: call.pointer }) };
      case 'access': {
        const { value, told } = program.access(call);
        const telling = told === 0 ? undefined : told - this.#sameInEachReport;
        return {
          shown: {
            ...(CHANGES_A_REGISTER.has(call.access) && { value }),
            ...(telling !== undefined && { telling }),
          },
        };
      }
    }
  }

  #changeMapping(call: MappingCall): Answered {
    const space = this.#space(call.process);
    const address = signed(call.address);
    switch (call.call) {
      case 'mmap': {
        const descriptor = space.descriptorOf(this.#arena(call.arena.arena).descriptor);
        const { length, protection, flags, offset } = call;
        const result = space.call(SYS_MMAP, [address, signed(length), protection, flags, descriptor, signed(offset)]);
        return addressOrErrno(result);
      }
      case 'munmap':
        return answer(space.call(SYS_MUNMAP, [address, signed(call.length), 0, 0, 0, 0]));
      case 'mprotect':
        return answer(space.call(SYS_MPROTECT, [address, signed(call.length), call.protection, 0, 0, 0]));
      case 'madvise-dontneed':
        // The model only does it; what of the range is mapped decides the answer.
        space.call(SYS_MADVISE, [address, signed(call.length), MADV_DONTNEED, 0, 0, 0]);
        return NOTHING;
      case 'mremap': {
        const { oldLength, newLength, flags, newAddress } = call;
        const words = [address, signed(oldLength), signed(newLength), flags, signed(newAddress), 0] as const;
        return addressOrErrno(space.call(SYS_MREMAP, words));
      }
    }
  }

  #accessAsUser(call: UserAccessCall): Answered {
    const space = this.#space(call.process);
    const { address, bytes } = this.#buffer;
    if (call.call === 'process-write') {
      bytes.set(call.bytes);
      return answer(space.write(address, call.address, call.bytes.length));
    }
    const read = space.read(call.address, address, call.length);
    return read < 0 ? answer(read) : { shown: bytes.slice(0, read) };
  }

  #nextSpace(): UserSpace {
    const number = this.#spaces.size;
    if (number === 0) return this.#own;
    this.#peers[number - 1] ??= PeerProcess.start(this.#tools.libc, this.#builtPeer);
    return this.#peers[number - 1]!.space;
  }

  #arena(arena: Arena): LiveArena {
    return found(this.#arenas.get(arena));
  }

  #program(program: ArenaProgram): LiveProgram {
    return found(this.#programs.get(program));
  }

  #space(process: Process): UserSpace {
    return found(this.#spaces.get(process));
  }
}

/** A part of the state that the kernel has otherwise than the model. */
export interface StateDifference {
  readonly part: 'free-slots' | 'kernel-pages' | 'user-pages';
  readonly where: string;
  readonly model: Runs;
  readonly kernel: Runs;
}

type ProgramCall = Extract<ArenaCall, { call: 'alloc-pages' | 'reserve-pages' | 'free-pages' | 'access' | 'cast' }>;
type MappingCall = Extract<ArenaCall, { call: 'mmap' | 'munmap' | 'mprotect' | 'mremap' | 'madvise-dontneed' }>;
type UserAccessCall = Extract<ArenaCall, { call: 'process-read' | 'process-write' }>;

const answer = (result: number): Answered => ({ shown: result < 0 ? `-${errnoName(result)}` : result });
const addressOrErrno = (result: number): Answered => (result < 0 ? answer(result) : { shown: BigInt(result) });

function found<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('a step names what the kernel was never asked to make');
  return thing;
}

const NOTHING: Answered = { shown: undefined };
const CHANGES_A_REGISTER: ReadonlySet<string> = new Set(['load', 'fadd', 'xchg', 'cmpxchg', 'ldacq']);
const BASE_OF_MEASURE = 0x4aff_0000_0000n;
const MADV_DONTNEED = 4;
const END_OF_USER_HALF = 1n << 47n;
/** The longest read that a step asks for, and a page to spare. */
const BUFFER_BYTES = 65_536 + 4096;
