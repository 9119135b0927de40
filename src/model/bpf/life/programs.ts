import { type Journal, JournaledArray } from '../../../base/journal.ts';
import type { Binary, BinaryRequest } from '../../kernel/binary-pack.ts';
import type { Arena } from '../arena.ts';
import { helperDistance } from '../compile-program.ts';
import type { Instruction } from '../instruction.ts';
import { compile } from '../jit/compile.ts';
import type { JitMachine, KernelAddress } from '../jit/machine.ts';
import type { JitRefusal } from '../jit/program.ts';
import { helperNumbered } from '../kernel-function.ts';
import { loadProgram, malformationOf } from '../load.ts';
import { linkedProgram, type Program } from '../program.ts';
import { isCall, RDONLY_CAST, TAIL_CALL_HELPER, type VerifierDecisions } from '../verifier/decisions.ts';
import { type FixupSurroundings, fixedUp, meantBy } from '../verifier/fixups.ts';
import type { Notes } from '../verifier/notes.ts';
import type { Rejected, VerifierRules } from '../verifier/rules.ts';
import { verify } from '../verifier/verify.ts';
import { type BpfProgram, entryOf, type FunctionText } from './bpf-program.ts';
import type { KernelObjects } from './kernel-objects.ts';
import { CONTEXT_BYTES, wordBytes } from './kernel-objects.ts';
import type { ProgArray } from './prog-array.ts';
import type { ProgramSurroundings } from './surroundings.ts';

/** What one kernel's verifier allows; the rest of {@link VerifierRules} depends on the program. */
export type KernelRules = Omit<VerifierRules, 'hasArena' | 'arraySlots' | 'contextBytes' | 'decisions'>;

export interface ProgramsParts {
  readonly world: ProgramSurroundings;
  readonly objects: KernelObjects;
  readonly array: ProgArray;
  readonly rules: KernelRules;
  readonly decisions: VerifierDecisions;
  readonly jit: JitMachine;
}

export interface LoadRequest {
  readonly author: readonly Instruction[];
  readonly arena: Arena | undefined;
  readonly blinded: boolean;
}

/** The loader's way from instructions to text and back, one step each (kernel/bpf/syscall.c:bpf_prog_load() and what it calls). */
export class Programs {
  /** What faults replace: decisions of the verifier and of the JIT. */
  decisions: VerifierDecisions;
  jit: JitMachine;
  /** Programs that are loaded and not freed, the oldest first. */
  readonly all: JournaledArray<BpfProgram>;
  readonly #parts: ProgramsParts;
  readonly #journal: Journal;

  constructor(parts: ProgramsParts) {
    this.#parts = parts;
    this.#journal = parts.world.journal;
    this.decisions = parts.decisions;
    this.jit = parts.jit;
    this.all = new JournaledArray<BpfProgram>(this.#journal);
  }

  /** bpf_check(): the verifier's verdict and what it makes of the program. */
  load({ author, arena, blinded }: LoadRequest): BpfProgram | Rejected {
    const { rules, objects, array, world } = this.#parts;
    const { decisions } = this;
    const malformed = malformationOf(author, isKnownCall);
    if (malformed !== undefined) return { kind: 'rejected', errno: '-EINVAL', ...malformed };
    const hasArena = arena !== undefined;
    const limits = { hasArena, arraySlots: array.size, contextBytes: CONTEXT_BYTES };
    const verdict = verify(author, { ...rules, ...limits, decisions });
    if (verdict.kind === 'rejected') return verdict;
    const { notes } = verdict;
    const tailCalls = blinded ? [] : directTailCalls(author, notes, array.size);
    const surroundings: FixupSurroundings = {
      notes,
      decisions,
      convertsToUser: arena?.convertsToUser ?? true,
      arrayAddress: objects.array,
      descriptorOf: (at) => tailCalls.findIndex((one) => one.at === at) + 1,
    };
    if (!hasArena && author.some(isCast)) world.log.bug('NULL pointer dereference in do_misc_fixups(): aux->arena');
    const loaded = loadProgram(author, {
      auxiliary: this.jit.behaviour.auxiliaryRegister,
      helperDistance,
      verified: {
        slots: fixedUp(author, surroundings),
        decisions,
        stackBytes: (start) => decisions.stackDepth(notes.stackBytes(start)),
      },
    });
    if (loaded.kind === 'malformed') return { ...loaded, kind: 'rejected', errno: '-EINVAL' };
    const program: BpfProgram = {
      descriptor: this.#freeDescriptor(),
      author,
      meaning: meaningOf(meantBy(author, surroundings), arena),
      loaded,
      arena,
      blinded,
      tellsItsStack: notes.tellsItsStack,
      tailCalls,
      state: 'loaded',
      texts: [],
      patches: [],
    };
    this.all.push(program);
    return program;
  }

  /**
   * bpf_int_jit_compile(): text for every function, and its machine code in the buffers. A refusal of the JIT is a value;
   * '-ENOMEM' stands for the lack of text. On either nothing is kept.
   */
  compile(
    program: BpfProgram,
    { random, capable, cpu }: Omit<BinaryRequest, 'length' | 'align'>,
  ): '0' | '-ENOMEM' | JitRefusal {
    const { binaries } = this.#parts.world.text;
    const { loaded, arena, blinded } = program;
    const placed: (Binary | undefined)[] = [];
    const place = (_: number, length: number): KernelAddress => {
      const isLost = placed.includes(undefined);
      const binary = isLost
        ? undefined
        : binaries.allocate({ length, align: 4, random: random + placed.length, capable, cpu });
      placed.push(binary);
      return binary?.image ?? this.jit.callBase;
    };
    const window = arena && { kernelStart: BigInt(arena.window.first) * 4096n, userStart: arena.userStart };
    const whole = { functions: loaded.functions, arena: window, wasClassic: false, loaderIsAdmin: true };
    const compiled = compile({ ...whole, blinding: blinded ? blindingNumbers(random) : undefined }, this.jit, place);
    if (compiled.kind === 'refused' || placed.includes(undefined)) {
      for (const binary of placed) if (binary !== undefined) binaries.free(binary, cpu);
      return compiled.kind === 'refused' && !placed.includes(undefined) ? compiled : '-ENOMEM';
    }
    const texts: FunctionText[] = compiled.functions.map((one, index) => ({ compiled: one, binary: placed[index]! }));
    for (const { binary, compiled: one } of texts) {
      binaries.emit(binary, 0, one.code);
      binaries.emit(binary, (one.code.length + 3) & ~3, one.exceptionTable);
    }
    this.#journal.set(program, 'texts', texts);
    this.#become(program, 'jited');
    return '0';
  }

  /** bpf_jit_binary_pack_finalize() of each function, then the tail calls whose slots are filled (bpf_tail_call_direct_fixup()). */
  finalize(program: BpfProgram, cpu: number): void {
    const { array, objects, world } = this.#parts;
    for (const { binary } of program.texts) world.text.binaries.finalize(binary, cpu);
    const entry = entryOf(program.texts[0]!, this.cfiBytes());
    objects.writeDescriptor(program.descriptor, this.jit.offsets.bpfFunc, wordBytes(BigInt.asUintN(64, BigInt(entry))));
    this.#journal.set(program, 'patches', array.patchesOf(program));
    this.#become(program, 'live');
    array.fillIn(program, cpu);
  }

  /** bpf_prog_free_deferred(): the text of each function goes. */
  free(program: BpfProgram, cpu: number): void {
    for (const { binary } of program.texts) this.#parts.world.text.binaries.release(binary, cpu);
    this.all.remove(this.all.items.indexOf(program));
    this.#become(program, 'freed');
  }

  /** Bytes in front of a function that its callers' checks read (cfi_get_offset()). */
  cfiBytes(): number {
    const { controlFlow } = this.jit;
    return controlFlow.kind === 'kcfi' ? (controlFlow.callPadding ? 16 : 5) : controlFlow.kind === 'fineibt' ? 16 : 0;
  }

  #freeDescriptor(): number {
    const taken = new Set(this.all.items.map(({ descriptor }) => descriptor));
    let free = 0;
    while (taken.has(free)) free++;
    return free;
  }

  #become(program: BpfProgram, state: BpfProgram['state']): void {
    this.#journal.set(program, 'state', state);
  }
}

/** Calls that the verifier answers itself. */
const isKnownCall = (call: Instruction): boolean =>
  isCall(call) &&
  ((call.src === 0 && call.immediate === TAIL_CALL_HELPER) || (call.src === 2 && call.immediate === RDONLY_CAST));

const isCast = ({ opcode, offset }: Instruction): boolean => opcode === 0xbf && offset === 1;

/** Tail calls with a constant index inside the array get a poke descriptor, unless constants are blinded. */
function directTailCalls(author: readonly Instruction[], notes: Notes, slots: number) {
  return author.flatMap((call, at) => {
    if (!isCall(call) || call.src !== 0 || call.immediate !== TAIL_CALL_HELPER) return [];
    const slot = notes.tailCallIndex(at);
    return slot !== undefined && slot >= 0 && slot < slots ? [{ slot, at }] : [];
  });
}

function meaningOf(slots: readonly Instruction[], arena: Arena | undefined): Program {
  const window = arena && { kernelStart: BigInt(arena.window.first) * 4096n, userStart: arena.userStart };
  return { ...linkedProgram(slots, helperNumbered), arena: window };
}

/** Any numbers will do that do not repeat soon: Marsaglia's xorshift from a seed. */
function blindingNumbers(seed: number): () => number {
  let state = (seed + 1) * 0x9e3779b1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state | 0;
  };
}
