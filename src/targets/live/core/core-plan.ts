import type { Random } from '../../../base/seed.ts';
import type { Btf } from '../../../model/bpf/btf/blob.ts';
import { RELOCATION_KINDS, subjectOf } from '../../../model/bpf/btf/core-record.ts';
import { type BtfType, isAnyEnum, isComposite } from '../../../model/bpf/btf/type.ts';
import type { PriorQuestion } from './core-recorder.ts';

/**
 * A program with CO-RE records before it is built: which of the running kernel's types it declares for itself, with what
 * changes, and what it asks about them. Every part can be left out or made plainer, and what remains is still a plan.
 */
export interface CorePlan {
  readonly types: readonly PlannedType[];
  readonly questions: readonly PlannedQuestion[];
  /** Asked of the kernel right before: of another kind, it makes the cache of candidates answer wrongly (N1 of 6.18). */
  readonly prior: PriorQuestion | undefined;
  /** Whether func_info is passed, without which 6.18 leaves the records alone. */
  readonly debugInfo: boolean;
}

export interface PlannedType {
  /** Id of the kernel's type that it is taken from. */
  readonly of: number;
  readonly name: 'same' | 'flavoured' | 'absent' | 'anonymous';
  /** A struct is declared as a union, or an enum with other bits; or the other way round. */
  readonly otherKind: boolean;
  /** The fields or enumerators that are declared, in this order. */
  readonly parts: readonly PlannedPart[];
}

export interface PlannedPart {
  /** Place in the kernel's type. */
  readonly index: number;
  readonly change: 'none' | 'renamed' | 'resized' | 'pointer' | 'array' | 'longer';
}

export interface PlannedQuestion {
  /** Place in the plan's types. */
  readonly type: number;
  /** Place among the parts of that type; without meaning for questions about the whole. */
  readonly part: number;
  /** Number of the relocation kind. */
  readonly kind: number;
  /** Goes on to the first field, or the first element, of the part. */
  readonly deeper: boolean;
  readonly form: 'mov' | 'mov32' | 'ld_imm64' | 'add' | 'load' | 'store' | 'register';
  /** The instruction holds something else than the local answer. */
  readonly stale: boolean;
  /** It stands in a second function, which the first one calls. */
  readonly inSubprogram: boolean;
}

/** Never a FLOAT, FUNC, VAR, DATASEC or DECL_TAG: a type question about those kills the kernel (hazard H1). */
const DRAWN: ReadonlySet<string> = new Set(['struct', 'union', 'enum', 'enum64', 'typedef', 'fwd', 'int']);

/** Without anything to ask about, or with more than a plan needs. */
const isUseless = (type: BtfType): boolean =>
  (isAnyEnum(type) && type.enumerators.length === 0) || (isComposite(type) && type.members.length > 400);

/** Draws a program about types that the kernel has. */
export function drawPlan(random: Random, kernel: Btf): CorePlan {
  const types = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () => drawType(random, kernel));
  const questions = Array.from({ length: random.between(1, 5) }, () => {
    const type = random.below(types.length);
    return drawQuestion(random, kernel.type(types[type]!.of)!, type, types[type]!.parts.length);
  });
  return { types, questions, prior: drawPrior(random, kernel, types[0]!), debugInfo: random.chance(0.95) };
}

function drawType(random: Random, kernel: Btf): PlannedType {
  const type = anyType(random, kernel);
  const places = isComposite(type) ? fieldPlaces(type) : isAnyEnum(type) ? [...type.enumerators.keys()] : [];
  const chosen = new Set(Array.from({ length: random.between(1, 4) }, () => random.below(Math.max(places.length, 1))));
  const parts = [...chosen].flatMap((place) => {
    const index = places[place];
    return index === undefined ? [] : [drawPart(random, kernel, type, index)];
  });
  const name = random.chance(0.75)
    ? 'same'
    : random.pick(['flavoured', 'flavoured', 'flavoured', 'absent', 'absent', 'anonymous'] as const);
  return { of: type.id, name, otherKind: random.chance(0.08), parts };
}

function drawPart(random: Random, kernel: Btf, type: BtfType, index: number): PlannedPart {
  const isArray = isComposite(type) && kernel.resolve(type.members[index]!.type)?.kind === 'array';
  if (isArray && random.chance(0.3)) return { index, change: 'longer' };
  return { index, change: random.chance(0.8) ? 'none' : random.pick(CHANGES) };
}

/** One in some nine types is drawable; kernels have more than a hundred thousand. Now and then one that has a namesake. */
function anyType(random: Random, kernel: Btf): BtfType {
  const wantsNamesakes = random.chance(0.15);
  for (let attempt = 0; ; attempt++) {
    const type = kernel.type(random.between(1, kernel.typeCount))!;
    if (!/^\w+$/.test(type.name) || !DRAWN.has(type.kind) || isUseless(type)) continue;
    if (!wantsNamesakes || attempt > MOST_ATTEMPTS || kernel.namesakes(type.name).length > 1) return type;
  }
}

/** So many draws find a type of which the kernel has several, if it has any. */
const MOST_ATTEMPTS = 2000;

const CHANGES = ['renamed', 'resized', 'pointer', 'array'] as const;

/** Fields with a name of their own; those of nameless parts are reached by other types. */
const fieldPlaces = (type: Extract<BtfType, { kind: 'struct' | 'union' }>): readonly number[] =>
  [...type.members.keys()].filter((index) => type.members[index]!.name !== '');

function drawQuestion(random: Random, of: BtfType, type: number, parts: number): PlannedQuestion {
  const kinds = [...RELOCATION_KINDS.keys()].filter((kind) => {
    const subject = subjectOf(kind);
    if (subject === 'field') return isComposite(of) && parts > 0;
    return subject === 'type' || (isAnyEnum(of) && parts > 0);
  });
  const aboutParts = kinds.filter((kind) => subjectOf(kind) !== 'type');
  const kind = random.pick(aboutParts.length > 0 && random.chance(0.7) ? aboutParts : kinds);
  const plain = random.pick([
    'mov',
    'mov',
    'mov',
    'mov32',
    'mov32',
    'ld_imm64',
    'ld_imm64',
    'add',
    'load',
    'register',
  ] as const);
  const form = kind === BYTE_OFFSET && random.chance(0.6) ? random.pick(['load', 'load', 'store'] as const) : plain;
  return {
    type,
    part: random.below(Math.max(parts, 1)),
    kind,
    deeper: random.chance(0.25),
    form: form === 'register' && random.chance(0.8) ? 'mov' : form,
    stale: random.chance(0.04),
    inSubprogram: random.chance(0.15),
  };
}

const BYTE_OFFSET = 0;

/** Now and then the name was asked for before, as another kind. */
function drawPrior(random: Random, kernel: Btf, { of }: PlannedType): PriorQuestion | undefined {
  if (!random.chance(0.1)) return undefined;
  const { name, kind } = kernel.type(of)!;
  return {
    name,
    kind: random.pick((['struct', 'union', 'enum', 'typedef'] as const).filter((other) => other !== kind)),
  };
}

/** Plans that are plainer in one place, the greatest steps first. */
export function* plainer(plan: CorePlan): Generator<CorePlan> {
  const { types, questions, prior, debugInfo } = plan;
  for (const at of questions.keys()) if (questions.length > 1) yield { ...plan, questions: questions.toSpliced(at, 1) };
  if (prior !== undefined) yield { ...plan, prior: undefined };
  for (const at of types.keys())
    if (types.length > 1 && !questions.some(({ type }) => type === at)) yield without(plan, at);
  for (const [at, type] of types.entries()) {
    const put = (changed: PlannedType): CorePlan => ({ ...plan, types: types.with(at, changed) });
    if (type.otherKind) yield put({ ...type, otherKind: false });
    if (type.name !== 'same') yield put({ ...type, name: 'same' });
    for (const [place, part] of type.parts.entries())
      if (part.change !== 'none') yield put({ ...type, parts: type.parts.with(place, { ...part, change: 'none' }) });
    // The last parts go first, so that the others keep their places.
    if (type.parts.length > 1) yield put({ ...type, parts: type.parts.slice(0, -1) });
  }
  for (const [at, question] of questions.entries()) {
    const put = (changed: Partial<PlannedQuestion>) => ({
      ...plan,
      questions: questions.with(at, { ...question, ...changed }),
    });
    if (question.inSubprogram) yield put({ inSubprogram: false });
    if (question.deeper) yield put({ deeper: false });
    if (question.stale) yield put({ stale: false });
    if (question.form !== 'mov') yield put({ form: 'mov' });
  }
  if (!debugInfo) yield { ...plan, debugInfo: true };
}

function without(plan: CorePlan, at: number): CorePlan {
  const questions = plan.questions.map((question) => ({
    ...question,
    type: question.type - Number(question.type > at),
  }));
  return { ...plan, types: plan.types.toSpliced(at, 1), questions };
}
