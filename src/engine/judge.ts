import type {
  Domain,
  Ghost,
  Happened,
  Invariant,
  ItemLaw,
  StateLaw,
  StepLaw,
  Violated,
} from '../language/invariant.ts';

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
  /** Laws about a whole state: each is judged after every step. */
  readonly stateLaws: readonly StateLawCompiled<World>[];
  /** Whether anything has to be told of each step: a ghost, or a law that does not look at the state alone. */
  readonly isFollowing: boolean;
  readonly #laws: readonly Compiled<World>[];
  readonly #ghosts: readonly Ghost<World>[];
  readonly #domains: readonly DomainLaws<World>[];
  readonly #stepLaws: readonly StepLawCompiled<World>[];
  /** By the name of an operation, the laws about its steps. */
  readonly #after = new Map<string, readonly StepLawCompiled<World>[]>();
  #anyBroken = false;

  constructor(laws: readonly Invariant<World>[]) {
    this.#laws = laws.map((law) => this.#compile(law));
    this.#ghosts = [...new Set(laws.flatMap(({ ghosts }) => ghosts ?? []))];
    this.#domains = groupByDomain(this.#laws);
    this.stateLaws = this.#laws.filter(isAboutStates);
    this.#stepLaws = this.#laws.filter(isAboutSteps);
    this.isFollowing = this.#ghosts.length + this.#domains.length + this.#stepLaws.length > 0;
  }

  /** False of a judge without laws. */
  get isJudging(): boolean {
    return this.#laws.length > 0;
  }

  /** Sets the ghosts up beside a fresh world. */
  begin(world: World): void {
    for (const ghost of this.#ghosts) ghost.begin(world);
  }

  /** Judges what the step can have changed. In the order of the suite's list; empty when all is well. */
  afterStep(world: World, happened: Happened): readonly Broken[] {
    if (this.isFollowing) this.followStep(world, happened);
    for (let index = 0; index < this.stateLaws.length; index++) {
      const compiled = this.stateLaws[index]!;
      compiled.judged++;
      compiled.law.judge(world, compiled.violated);
    }
    return this.takeBroken();
  }

  /** The same without the laws about whole states, and without saying what broke. */
  followStep(world: World, happened: Happened): void {
    for (let index = 0; index < this.#ghosts.length; index++) this.#ghosts[index]!.follow(world, happened);
    for (let index = 0; index < this.#domains.length; index++) {
      const { over, laws } = this.#domains[index]!;
      const items = over.changed(world, happened);
      if (Array.isArray(items)) {
        for (let at = 0; at < items.length; at++) judgeItem(laws, world, items[at]);
      } else {
        for (const item of items) judgeItem(laws, world, item);
      }
    }
    const stepLaws = this.#after.get(happened.operation.name) ?? this.#lawsAfter(happened.operation.name);
    for (let index = 0; index < stepLaws.length; index++) {
      const compiled = stepLaws[index]!;
      if (compiled.law.concerns !== undefined && !compiled.law.concerns(world, happened)) continue;
      compiled.judged++;
      compiled.law.judgeStep(world, happened, compiled.violated);
    }
  }

  /** Whether a law was found broken and nobody has asked which. */
  get anyBroken(): boolean {
    return this.#anyBroken;
  }

  /** The laws found broken since this was last asked. */
  takeBroken(): readonly Broken[] {
    if (!this.#anyBroken) return NOTHING;
    this.#anyBroken = false;
    const broken = this.#laws.filter(({ evidence }) => evidence.length > 0);
    return broken.map(({ law, evidence }) => ({ law: law.name, evidence: evidence.splice(0) }));
  }

  /** Counts the judgements of somebody who asked the laws about whole states himself. */
  countStates(steps: number): void {
    for (const compiled of this.stateLaws) compiled.judged += steps;
  }

  /** Judges every item of every domain and the state as a whole. Laws about steps have nothing to judge here. */
  wholeState(world: World): readonly Broken[] {
    for (const { over, laws } of this.#domains) for (const item of over.all(world)) judgeItem(laws, world, item);
    for (const compiled of this.stateLaws) {
      compiled.judged++;
      compiled.law.judge(world, compiled.violated);
    }
    return this.takeBroken();
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

const isAboutStates = <World>(compiled: Compiled<World>): compiled is StateLawCompiled<World> =>
  !isAboutSteps(compiled) && !isAboutItems(compiled);

interface Compiled<World> {
  readonly law: Invariant<World>;
  readonly evidence: string[];
  readonly violated: Violated;
  judged: number;
}

interface StateLawCompiled<World> extends Compiled<World> {
  readonly law: StateLaw<World>;
}

interface StepLawCompiled<World> extends Compiled<World> {
  readonly law: StepLaw<World>;
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
