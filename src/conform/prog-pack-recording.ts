import { isDeepStrictEqual } from 'node:util';
import { bootWorld } from '../lab/boot-world.ts';
import { profiles } from '../model/kernel/profile.ts';
import type { World } from '../model/world.ts';
import { isPackSequence, type Label, type PackSequence, type PackStep, readPackSequence } from './prog-pack-record.ts';
import { PackReplica, type PlacedPart } from './prog-pack-replica.ts';
import { ConformTally, type Difference, type RecordingKind } from './recording.ts';

/**
 * Recorded placements of JITed programs. Each sequence begins with no pack of its own, loads and closes programs, and after
 * every step lists where each part lies and what the pages of every pack and area are like.
 *
 * Exact: chunk, size, pack, used, freeChunksAllTrap, guardAfter, va, alias, areas, newPack, freed, released. The start of an
 * image and the change of the direct map are random or depend on frames that the recording does not name: they need only be
 * possible.
 */
export const progPackRecording: RecordingKind = {
  name: 'prog-pack',
  about: 'Where a running kernel placed JITed programs, and the permissions and content of their packs.',
  recognises: isPackSequence,
  perform(lines) {
    const tally = new ConformTally();
    const worlds = new Map<string, World>();
    lines.forEach((line, index) => {
      const sequence = readPackSequence(line, index + 1);
      const kernel = profileFor(sequence.kernel);
      let world = worlds.get(kernel);
      if (world === undefined) {
        world = bootWorld(kernel);
        worlds.set(kernel, world);
      }
      const fresh = world.journal.position;
      tally.judge(firstDifference(sequence, world));
      if (!world.journal.undoTo(fresh)) worlds.delete(kernel);
    });
    return tally;
  },
};

/** The profile of a kernel release: the most exact name that begins it; without a release, the kernel of the host. */
function profileFor(release: string | undefined): string {
  const names = [...profiles.keys()];
  if (release === undefined) return names[0]!;
  const fitting = names.filter((name) => release === name || release.startsWith(`${name}.`));
  return fitting.toSorted((left, right) => right.length - left.length)[0] ?? names[0]!;
}

function firstDifference(sequence: PackSequence, world: World): Difference | undefined {
  const replica = new PackReplica(world);
  for (let step = 0; step < sequence.steps.length; step++) {
    for (const { field, expected, actual } of compareStep(sequence.steps[step]!, replica)) {
      if (!isDeepStrictEqual(expected, actual)) return { name: sequence.name, step, field, expected, actual };
    }
  }
  return undefined;
}

interface Compared {
  readonly field: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** Performs a step and yields each field of the record beside the model's. */
function* compareStep(record: PackStep, replica: PackReplica): Generator<Compared> {
  const before = replica.liveLabels();
  const closed = (record.args.ids ?? []).flatMap((id) => replica.partsOf(id));
  yield* perform(record, replica);
  const after = replica.liveLabels();
  const appeared = [...after].filter((label) => !before.has(label));
  const gone = [...before].filter((label) => !after.has(label));

  for (const { id, parts } of record.live) {
    const expected = parts.map(({ pack, chunk, size }) => ({ pack, chunk, size }));
    yield { field: `live[${id}].parts`, expected, actual: replica.partsOf(id) };
  }
  yield {
    field: 'packs.used',
    expected: record.packs.map(({ pack, used }) => ({ pack, used })),
    actual: replica.packs(),
  };
  yield {
    field: 'packs',
    expected: record.packs.map(({ used: _, ...pages }) => pages),
    actual: replica.packPages(),
  };
  yield { field: 'areas', expected: record.areas, actual: replica.areas() };
  yield { field: 'newPack', expected: record.newPack, actual: appeared[0] };
  yield* compareClosed(record, replica, closed, gone);
  if (record.directMapDeltaKB !== undefined) {
    yield { field: 'directMapDeltaKB is possible', expected: true, actual: deltaIsPossible(record.directMapDeltaKB) };
  }
}

/** A load that the kernel refused left nothing behind: nothing is performed for it. */
function* perform({ args, result, live }: PackStep, replica: PackReplica): Generator<Compared> {
  for (const id of args.ids ?? []) replica.close(id);
  if (typeof result === 'string') return;
  const loaded = live.find(({ id }) => id === result.id);
  if (loaded === undefined) return;
  replica.load(loaded);
  const expected = loaded.parts.map(({ imageOffset }) => imageOffset);
  yield { field: 'imageOffset is possible', expected, actual: replica.imageOffsets(result.id) };
}

/** Freed parts, in any order, and what disappeared; memory that somebody else was quick to map again says nothing. */
function* compareClosed(
  { freed = [], released = [] }: PackStep,
  replica: PackReplica,
  closed: readonly PlacedPart[],
  gone: readonly Label[],
): Generator<Compared> {
  const sorted = (parts: readonly (PlacedPart & { readonly state: string })[]) =>
    parts.map(({ size, state, pack, chunk }) => `${pack}:${chunk} ${size} ${state}`).toSorted();
  yield {
    field: 'freed',
    expected: sorted(freed),
    actual: sorted(closed.map((part) => ({ ...part, state: replica.stateOf(part) }))),
  };
  yield {
    field: 'released',
    expected: released.map(({ pack }) => String(pack)).toSorted(),
    actual: gone.map(String).toSorted(),
  };
  for (const { pack, vaPresent } of released) {
    if (vaPresent === 'reused') continue;
    yield { field: `released[${pack}].vaPresent`, expected: vaPresent, actual: replica.pagesPresent(pack) };
  }
}

/** Leaves only change their size: what one level loses the others gain, in whole leaves. */
function deltaIsPossible(delta: Readonly<Record<'4k' | '2M' | '1G', number>>): boolean {
  const whole = delta['4k'] % 4 === 0 && delta['2M'] % 2048 === 0 && delta['1G'] % 1048576 === 0;
  return whole && delta['4k'] + delta['2M'] + delta['1G'] === 0;
}
