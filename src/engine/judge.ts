import type { Domain, Happened, Invariant, ItemLaw, StateLaw, StepLaw, Violated } from '../language/invariant.ts';

/** A law that does not hold now, with what it said. */
export interface Broken {
  readonly law: string;
  readonly evidence: readonly string[];
}

/**
 * Judges the laws of a suite and counts how often each had something to judge.
 *
 * After a step, a law over a domain judges the items that the step can have concerned; laws over the same domain share one
 * walk through them. A property of the engine holds that this misses nothing that {@link Judge.wholeState} finds.
 */
export class Judge<World> {
  readonly #laws: readonly Compiled<World>[];
  readonly #domains: readonly DomainLaws<World>[];
  readonly #stateLaws: readonly (Compiled<World> & { readonly law: StateLaw<World> })[];
  readonly #stepLaws: readonly StepLawCompiled<World>[];
  /** By the name of an operation, the laws about its steps. */
  readonly #after = new Map<string, readonly StepLawCompiled<World>[]>();
  #anyBroken = false;

  constructor(laws: readonly Invariant<World>[]) {
    this.#laws = laws.map((law) => this.#compile(law));
    this.#domains = groupByDomain(this.#laws);
    this.#stateLaws = this.#laws.filter(isAboutStates);
    this.#stepLaws = this.#laws.filter(isAboutSteps);
  }

  /** Judges what the step can have changed. In the order of the suite's list; empty when all is well. */
  afterStep(world: World, happened: Happened): readonly Broken[] {
    for (const { over, laws } of this.#domains) {
      const items = over.changed(world, happened);
      if (Array.isArray(items)) {
        for (let index = 0; index < items.length; index++) judgeItem(laws, world, items[index]);
      } else {
        for (const item of items) judgeItem(laws, world, item);
      }
    }
    for (const compiled of this.#stateLaws) {
      compiled.judged++;
      compiled.law.judge(world, compiled.violated);
    }
    const stepLaws = this.#after.get(happened.operation.name) ?? this.#lawsAfter(happened.operation.name);
    for (let index = 0; index < stepLaws.length; index++) {
      const compiled = stepLaws[index]!;
      if (compiled.law.concerns !== undefined && !compiled.law.concerns(world, happened)) continue;
      compiled.judged++;
      compiled.law.judgeStep(world, happened, compiled.violated);
    }
    return this.#anyBroken ? this.#takeBroken() : NOTHING;
  }

  /** Judges every item of every domain and the state as a whole. Laws about steps have nothing to judge here. */
  wholeState(world: World): readonly Broken[] {
    for (const { over, laws } of this.#domains) for (const item of over.all(world)) judgeItem(laws, world, item);
    for (const compiled of this.#stateLaws) {
      compiled.judged++;
      compiled.law.judge(world, compiled.violated);
    }
    return this.#anyBroken ? this.#takeBroken() : NOTHING;
  }

  /** How many items, states or steps each law judged so far. */
  judged(): ReadonlyMap<string, number> {
    return new Map(this.#laws.map(({ law, judged }) => [law.name, judged]));
  }

  judgedInAll(): number {
    return this.#laws.reduce((sum, { judged }) => sum + judged, 0);
  }

  #lawsAfter(operation: string): readonly StepLawCompiled<World>[] {
    const laws = this.#stepLaws.filter(({ law: { after } }) => after === undefined || after.includes(operation));
    this.#after.set(operation, laws);
    return laws;
  }

  #compile(law: Invariant<World>): Compiled<World> {
    const evidence: string[] = [];
    const violated: Violated = (sentence) => {
      evidence.push(sentence);
      this.#anyBroken = true;
    };
    return { law, evidence, violated, judged: 0 };
  }

  #takeBroken(): readonly Broken[] {
    this.#anyBroken = false;
    const broken = this.#laws.filter(({ evidence }) => evidence.length > 0);
    return broken.map(({ law, evidence }) => ({ law: law.name, evidence: evidence.splice(0) }));
  }
}

function judgeItem<World>(laws: readonly ItemLawCompiled<World>[], world: World, item: unknown): void {
  for (let index = 0; index < laws.length; index++) {
    const compiled = laws[index]!;
    compiled.judged++;
    compiled.law.judge(world, item, compiled.violated);
  }
}

function groupByDomain<World>(compiled: readonly Compiled<World>[]): readonly DomainLaws<World>[] {
  const groups = new Map<Domain<World, unknown>, ItemLawCompiled<World>[]>();
  for (const law of compiled.filter(isAboutItems)) {
    const group = groups.get(law.law.over);
    if (group === undefined) groups.set(law.law.over, [law]);
    else group.push(law);
  }
  return [...groups].map(([over, laws]) => ({ over, laws }));
}

const isAboutSteps = <World>(compiled: Compiled<World>): compiled is StepLawCompiled<World> =>
  'judgeStep' in compiled.law;

const isAboutItems = <World>(compiled: Compiled<World>): compiled is ItemLawCompiled<World> =>
  !isAboutSteps(compiled) && 'over' in compiled.law && compiled.law.over !== undefined;

const isAboutStates = <World>(compiled: Compiled<World>): compiled is Compiled<World> & { law: StateLaw<World> } =>
  !isAboutSteps(compiled) && !isAboutItems(compiled);

interface Compiled<World> {
  readonly law: Invariant<World>;
  readonly evidence: string[];
  readonly violated: Violated;
  judged: number;
}

interface ItemLawCompiled<World> extends Compiled<World> {
  readonly law: ItemLaw<World, unknown>;
}

interface StepLawCompiled<World> extends Compiled<World> {
  readonly law: StepLaw<World>;
}

interface DomainLaws<World> {
  readonly over: Domain<World, unknown>;
  readonly laws: readonly ItemLawCompiled<World>[];
}

const NOTHING: readonly Broken[] = [];
