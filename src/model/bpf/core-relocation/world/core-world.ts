/**
 * One kernel with its types, one libbpf, and what a developer writes, compiles and loads: the two ways of CO-RE relocation
 * as steps. Left out of the load are maps, kernel symbols and the loader's own instructions, on which records do not depend.
 */
import { Journal, JournaledArray } from '../../../../base/journal.ts';
import { type Application, applyRecord } from '../apply-record.ts';
import { CandidateCache } from '../candidates.ts';
import { attemptLate, type LateAttempt } from '../late.ts';
import type { LinkedProgram } from '../link.ts';
import type { BpfObject } from '../object.ts';
import type { RelocationPolicy } from '../policy.ts';
import {
  type Compiler,
  compile,
  type Piece,
  type Standing,
  type TranslationUnit,
} from '../program-source/translation-unit.ts';
import type { TypeShape } from '../program-source/type-shape.ts';
import { failure, isRefusal, type Refusal } from '../refusal.ts';
import { type Caller, CoreObject, type ObjectState, type ProgramLoad } from './core-object.ts';
import { KernelTypes } from './kernel-types.ts';
import { extensionHeader, Libbpf, type Loading, recordArray } from './libbpf.ts';
import type { CoreProfile } from './profile.ts';

/** A function while it is being written. */
export class WrittenFunction {
  readonly name: string;
  readonly standing: Standing;
  readonly pieces: JournaledArray<Piece>;

  constructor(journal: Journal, name: string, standing: Standing) {
    this.name = name;
    this.standing = standing;
    this.pieces = new JournaledArray(journal);
  }
}

/** The kernel's side: one policy, one cache for all programs. */
export class RelocatingKernel {
  readonly types: KernelTypes;
  readonly cache: CandidateCache;
  policy: RelocationPolicy;
  relocates: CoreProfile['relocates'];
  /** How one record is applied. */
  apply = applyRecord;
  /** Records whose working memory, three paths of 1,312 bytes, is allocated. */
  heldRecords = 0;
  readonly #journal: Journal;

  constructor(journal: Journal, profile: CoreProfile, types: KernelTypes) {
    this.#journal = journal;
    this.types = types;
    this.policy = profile.kernel;
    this.relocates = profile.relocates;
    this.cache = new CandidateCache(types, profile.kernel, journal);
  }

  /** Whether the working memory of a record is freed behind it, however it ended. */
  givesBack(_application: Application): boolean {
    return true;
  }

  /** BPF_PROG_LOAD of one program. */
  load(object: BpfObject, { image, functionInfo }: LinkedProgram, records: ProgramLoad['records']): LateAttempt {
    const load = {
      instructions: image,
      btf: object.btf!,
      functionInfo: functionInfo.map(({ index }) => index),
      hasLineInfo: false,
      mapValueBytes: 0,
      records: recordArray(records),
    };
    const { policy, relocates, cache: finder } = this;
    const apply = (application: Application): Refusal | undefined => {
      this.#journal.set(this, 'heldRecords', this.heldRecords + 1);
      const refused = this.apply(application);
      if (this.givesBack(application)) this.#journal.set(this, 'heldRecords', this.heldRecords - 1);
      return refused;
    };
    return attemptLate(load, { policy, relocates, apply, finder });
  }
}

export class CoreWorld {
  readonly journal = new Journal();
  readonly profile: CoreProfile;
  readonly libbpf: Libbpf;
  readonly kernel: RelocatingKernel;
  /** What the developer wrote so far. */
  readonly types: JournaledArray<TypeShape>;
  readonly functions: JournaledArray<WrittenFunction>;
  /** Every object that was made of it, oldest first. */
  readonly objects: JournaledArray<CoreObject>;
  /** Whether the kernel is in use: from then on its types are what they are. */
  running = false;

  constructor(profile: CoreProfile) {
    const { journal } = this;
    this.profile = profile;
    this.libbpf = new Libbpf(profile);
    this.types = new JournaledArray(journal);
    this.functions = new JournaledArray(journal);
    this.objects = new JournaledArray(journal);
    this.kernel = new RelocatingKernel(journal, profile, new KernelTypes(new JournaledArray(journal)));
  }

  write(standing: Standing): WrittenFunction {
    const written = new WrittenFunction(this.journal, `function${this.functions.length}`, standing);
    this.functions.push(written);
    return written;
  }

  /** Begins an empty file; what was compiled of the one before is not touched. */
  beginFile(): void {
    for (const list of [this.functions, this.types]) while (list.length > 0) list.remove(list.length - 1);
  }

  start(): void {
    if (!this.running) this.journal.set(this, 'running', true);
  }

  /** Compiles what is written and lets libbpf go over its records. */
  relocateCore({ loading, caller, debugInfo, compiler }: Making): CoreObject {
    this.start();
    const unit: TranslationUnit = {
      types: [...this.types.items],
      functions: this.functions.items.map(({ name, standing, pieces }) => ({
        name,
        standing,
        pieces: pieces.items.map((piece) => (compiler === 'before-core' ? withoutRecord(piece) : piece)),
      })),
      debugInfo,
      compiler,
    };
    return this.#open(unit, loading, caller);
  }

  /** Opens the file that another object was made of, and goes the other way with it. */
  openAgain({ unit, loading, caller }: CoreObject): CoreObject {
    return this.#open(unit, loading === 'direct' ? 'light-skeleton' : 'direct', caller);
  }

  #open(unit: TranslationUnit, loading: Loading, caller: Caller): CoreObject {
    const { object: compiled, typeIds } = compile(unit);
    // Only who may enumerate the kernel's BTF objects sees those of modules; libbpf goes on without them (V11).
    const target = caller === 'root' ? this.kernel.types : this.kernel.types.withoutModules();
    const opened = this.libbpf.openExtension(extensionHeader(unit.compiler));
    const passed = opened ?? this.libbpf.relocateCore(compiled, loading, target);
    const state: ObjectState = isRefusal(passed)
      ? { kind: 'refused', during: 'core', refusal: passed }
      : { kind: 'passed', object: passed };
    const object = new CoreObject({ loading, caller, unit, compiled, typeIds }, state);
    this.objects.push(object);
    return object;
  }

  /** Appends subprograms to the mains that call them. */
  relocateCalls(object: CoreObject, passed: BpfObject): void {
    const linked = this.libbpf.relocateCalls(passed);
    this.#turn(
      object,
      isRefusal(linked)
        ? { kind: 'refused', during: 'calls', refusal: linked }
        : { kind: 'linked', object: passed, linked },
    );
  }

  /** Loads every main program in turn: libbpf does, or the loader it generated. The first refusal takes back the others. */
  load(object: CoreObject, passed: BpfObject, linked: readonly LinkedProgram[]): void {
    const light = object.loading === 'light-skeleton';
    const stopped = light ? (this.libbpf.finishGenerating(passed, linked) ?? mayRunLoader(object.caller)) : undefined;
    if (stopped !== undefined) {
      this.#turn(object, { kind: 'refused', during: 'loader', refusal: stopped });
      return;
    }
    const records = light ? this.libbpf.recordsFor(linked) : linked.map(() => []);
    const loads: ProgramLoad[] = [];
    let refusal: Refusal | undefined;
    for (const [position, program] of linked.entries()) {
      const given = records[position]!;
      const attempt = this.kernel.load(passed, program, given);
      loads.push({ main: program.main.name, records: given, attempt });
      if (isRefusal(attempt.result)) {
        refusal = attempt.result;
        break;
      }
    }
    const closed = refusal === undefined ? 0 : loads.length - 1;
    this.#turn(object, { kind: 'loaded', linked, loads, refusal, closed });
  }

  #turn(object: CoreObject, state: ObjectState): void {
    this.journal.set(object, 'state', state);
  }
}

/** How an object is made of what is written, and loaded. */
interface Making {
  readonly loading: Loading;
  readonly caller: Caller;
  readonly debugInfo: boolean;
  readonly compiler: Compiler;
}

/** What a compiler that knows no CO-RE makes of a question: an instruction that holds its own answer. */
const withoutRecord = (piece: Piece): Piece => (piece.kind === 'call' ? piece : { kind: 'plain' });

/** The loader is a SYSCALL program, for which CAP_BPF alone is not enough (V9; recorded: EINVAL). */
const mayRunLoader = (caller: Caller): Refusal | undefined =>
  caller === 'bpf' ? failure('the loader program needs CAP_PERFMON too') : undefined;
