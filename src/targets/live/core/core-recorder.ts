import { readRecord } from '../../../model/bpf/btf/core-record.ts';
import { essentialName } from '../../../model/bpf/btf/essential-name.ts';
import { parseBtf } from '../../../model/bpf/btf/parse.ts';
import { available, type Facility, having } from '../facility.ts';
import type { LiveKernel } from '../live-kernel.ts';
import { LiveCandidateCache, type SafeKind } from './candidate-cache.ts';
import type { CoreLoad, CoreOutcome } from './core-load.ts';
import { RelocatingLoader } from './relocating-loader.ts';

/** A question that was asked of the candidate cache before a load. */
export interface PriorQuestion {
  readonly name: string;
  readonly kind: SafeKind;
}

/**
 * Observes what the running kernel makes of a load by itself: every name it asks for is forgotten first, so the answer
 * depends on the load and on the questions stated to come before it, not on what else was loaded since boot.
 */
export class CoreRecorder {
  readonly loader: RelocatingLoader;
  readonly #cache: LiveCandidateCache;

  private constructor(loader: RelocatingLoader) {
    this.loader = loader;
    this.#cache = new LiveCandidateCache(loader);
  }

  static open(kernel: LiveKernel): Facility<CoreRecorder> {
    return having(RelocatingLoader.open(kernel), (loader) => available(new CoreRecorder(loader)));
  }

  /**
   * The outcome of a load, seen twice the same: somebody else's load in between can teach the kernel a name. A load that is
   * withheld is not prepared for either. Throws where the kernel never answers the same.
   */
  observe(load: CoreLoad, prior: readonly PriorQuestion[] = []): CoreOutcome {
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      const first = this.glance(load, prior);
      if (first.kind === 'withheld' || essence(first) === essence(this.glance(load, prior))) return first;
    }
    throw new Error(`the kernel answered a load ${2 * MOST_ATTEMPTS} times and never the same twice`);
  }

  /** The outcome as it was seen once. */
  glance(load: CoreLoad, prior: readonly PriorQuestion[] = []): CoreOutcome {
    const withheld = this.loader.reasonToWithhold(load);
    if (withheld !== undefined) return { kind: 'withheld', why: withheld };
    const names = new Set([...namesOf(load), ...prior.map(({ name }) => essentialName(name))]);
    for (const name of names) this.#cache.forget(name);
    for (const { name, kind } of prior) this.#cache.ask(name, kind);
    const outcome = this.loader.load(load);
    // What this load taught the kernel shall not answer anybody else.
    for (const name of names) this.#cache.forget(name);
    return outcome;
  }
}

/** The essential names that records of a load look for; it was found to be readable. */
function namesOf({ btf, records }: CoreLoad): ReadonlySet<string> {
  const types = parseBtf(btf);
  const names = new Set<string>();
  for (let number = 0; number < records.count; number++) {
    const name = types.type(readRecord(records.bytes, number * records.recordSize).typeId)?.name ?? '';
    if (name !== '') names.add(essentialName(name));
  }
  return names;
}

const MOST_ATTEMPTS = 3;

function essence(outcome: CoreOutcome): string {
  switch (outcome.kind) {
    case 'loaded':
      return Buffer.from(outcome.image).toString('hex');
    case 'refused':
      return `${outcome.of} ${outcome.errno}`;
    case 'withheld':
      return outcome.why;
  }
}
