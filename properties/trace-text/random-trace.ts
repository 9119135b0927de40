import fc from 'fast-check';
import type { AnyOperation } from '../../src/language/operation.ts';
import { kindsMade } from '../../src/language/operation.ts';
import type { Step, Trace, TraceComment, TraceHeader } from '../../src/language/trace.ts';
import { vocabulary } from './vocabulary.ts';

/** Random traces of the vocabulary, drawn freely: trace text does not ask whether a step makes sense. */

const comment = fc.stringMatching(/^ ?[ -~]{0,20}$/).map((text) => text.trimEnd());
const word = fc.constantFrom('best fit', '6.18', 'first-fit');
const line = fc.constantFrom('r0 = 1', 'r3 = -22', 'call bpf_ktime_get_ns#5', 'exit');
const digits = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 });

const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  length: fc.integer({ min: 1, max: 1 << 22 }),
  align: fc.constantFrom(4, 64),
  offset: fc.integer({ min: -100, max: 100 }),
  at: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  quick: fc.boolean(),
  how: word,
  code: fc.uint8Array({ maxLength: 64 }),
  marks: fc.array(fc.integer({ min: 0, max: 99 }), { maxLength: 4 }),
  grid: fc.array(digits, { maxLength: 3 }),
  type: fc.constantFrom('xdp', 'socket'),
  instructions: fc.array(line, { maxLength: 5 }),
};

const header: fc.Arbitrary<TraceHeader> = fc.record(
  {
    kernel: fc.constantFrom('6.18', 'execmem-proposal'),
    machine: fc.constantFrom({ cpus: '2' }, { cpus: '4', pse: 'off' }),
    suite: fc.constant('text'),
    seed: fc.oneof(fc.string(), fc.constantFrom('demo', 'a # b', '"', '5f3a')),
    fault: fc.constant('free-leaves-old-text'),
    expect: fc.constantFrom(
      { kind: 'holds' } as const,
      { kind: 'diverges' } as const,
      { kind: 'violates', law: 'nothing-happens' } as const,
      { kind: 'known', bug: 'free-below-base' } as const,
    ),
  },
  { requiredKeys: ['suite'] },
);

/** One step before its results are chosen: `picks` choose among those that are there. */
interface Seedling {
  readonly operation: AnyOperation;
  readonly args: Readonly<Record<string, unknown>>;
  readonly picks: readonly number[];
  readonly names: readonly (string | undefined)[];
}

const name = fc.option(fc.stringMatching(/^[a-z_][a-z0-9_-]{0,3}$/), { nil: undefined, freq: 3 });

const seedling: fc.Arbitrary<Seedling> = fc.constantFrom(...vocabulary.operations).chain((operation) =>
  fc.record({
    operation: fc.constant(operation),
    args: fc.record(
      Object.fromEntries(
        Object.entries(operation.takes as Record<string, { kind: string }>)
          .filter(([, argument]) => argument.kind === 'value')
          .map(([key]) => [key, values[key] as fc.Arbitrary<unknown>]),
      ),
    ),
    picks: fc.array(fc.nat(), { minLength: 2, maxLength: 2 }),
    names: fc.array(name, { minLength: 2, maxLength: 2 }),
  }),
);

export const randomTrace: fc.Arbitrary<Trace> = fc
  .record({
    header,
    seedlings: fc.array(seedling, { maxLength: 12 }),
    comments: fc.array(fc.record({ step: fc.integer({ min: -1, max: 12 }), behind: fc.boolean(), text: comment }), {
      maxLength: 3,
    }),
  })
  .map(({ header, seedlings, comments }) => grow(header, seedlings, comments));

function grow(
  header: TraceHeader,
  seedlings: readonly Seedling[],
  notes: readonly { step: number; behind: boolean; text: string }[],
): Trace {
  const steps: Step[] = [];
  const kinds: string[] = [];
  const names = new Map<number, string>();
  for (const seedling of seedlings) {
    const args: Record<string, unknown> = {};
    const makes = kindsMade(seedling.operation);
    const takes = Object.entries(seedling.operation.takes as Record<string, { kind: string; makes?: string }>);
    const possible = takes.every(([, { kind, makes: needed }]) => kind === 'value' || kinds.includes(needed ?? ''));
    if (!possible) continue;
    let pick = 0;
    for (const [key, argument] of takes) {
      const fitting = kinds.flatMap((kind, id) => (kind === argument.makes ? [id] : []));
      args[key] =
        argument.kind === 'value' ? seedling.args[key] : fitting[(seedling.picks[pick++] ?? 0) % fitting.length];
    }
    const made = makes.map((kind) => kinds.push(kind) - 1);
    for (const [index, id] of made.entries()) {
      const given = seedling.names[index];
      if (given !== undefined && ![...names.values()].includes(given)) names.set(id, given);
    }
    steps.push({ operation: seedling.operation, args, made });
  }
  return {
    header,
    steps,
    ...(names.size > 0 && { names }),
    ...(notes.length > 0 && { comments: inPlace(notes, steps.length) }),
  };
}

/** At most one comment to a place, in the order of a file; only steps have comments behind them. */
function inPlace(
  notes: readonly { step: number; behind: boolean; text: string }[],
  stepCount: number,
): readonly TraceComment[] {
  const places = new Map<number, TraceComment>();
  for (const { step: wanted, behind, text } of notes) {
    const step = Math.min(wanted, stepCount);
    const isBehind = behind && step >= 0 && step < stepCount;
    places.set(step * 2 + Number(isBehind), { step, place: isBehind ? 'behind' : 'above', text });
  }
  return [...places].sort(([left], [right]) => left - right).map(([, comment]) => comment);
}
