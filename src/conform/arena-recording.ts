import { isDeepStrictEqual } from 'node:util';
import { bootArenaWorld } from '../lab/boot-arena-world.ts';
import { InputError } from '../language/input-error.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import type { Shown } from '../model/bpf/arena-observation.ts';
import { arenaProfiles } from '../model/bpf/arena-profile.ts';
import { isArenaSequence, type RecordedSequence, readArenaSequence } from './arena-record.ts';
import { ArenaReplica } from './arena-replica.ts';
import { ConformTally, type Difference, type RecordingKind } from './recording.ts';

/**
 * Recorded lives of BPF arenas. Each sequence creates one arena and performs steps on it; after every step the record holds
 * the answer, the fault report, what is mapped, which slots are free and which pages are present for the kernel and for two
 * processes. All of it is exact; only a base that the kernel chose is read from the record.
 */
export const arenaRecording: RecordingKind = {
  name: 'arena',
  about: 'What a running kernel answered to operations on a BPF arena, and the state that each of them left.',
  recognises: isArenaSequence,
  perform(lines) {
    const tally = new ConformTally();
    const worlds = new Map<string, ArenaWorld>();
    lines.forEach((line, index) => {
      const sequence = readArenaSequence(line, index + 1);
      const { kernel } = sequence;
      const key = kernel ?? 'host';
      const world = worlds.get(key) ?? bootArenaWorld(profileFor(kernel), machineOf(kernel));
      worlds.set(key, world);
      const fresh = world.journal.position;
      tally.judge(atLine(index + 1, () => firstDifference(sequence, world)));
      if (!world.journal.undoTo(fresh)) worlds.delete(key);
    });
    return tally;
  },
};

/** The profile of a kernel release: the most exact name that begins it; without a release, the kernel of the host. */
function profileFor(release: string | undefined): string {
  if (release === undefined) return '6.18';
  const fitting = [...arenaProfiles.keys()].filter((name) => release === name || release.startsWith(`${name}.`));
  const [name] = fitting.toSorted((left, right) => right.length - left.length);
  if (name === undefined) throw new InputError(`no profile of arenas stands for the kernel ${release}`);
  return name;
}

/** Guests that record have 3 GiB of memory, the machine of the first recording 24 GiB: it shows in what may be mapped. */
function machineOf(release: string | undefined): Readonly<Record<string, string>> {
  return { cpus: '1', memory: release === undefined ? '24576' : '3072' };
}

/** The first difference of one sequence, or undefined when the model did all that the kernel did. */
function firstDifference(sequence: RecordedSequence, world: ArenaWorld): Difference | undefined {
  const { name, create, steps } = sequence;
  const replica = new ArenaReplica(world, create);
  const created = differingField(create as unknown as Shown, replica.created());
  if (created !== undefined) return { name, ...created };
  for (const [step, recorded] of steps.entries()) {
    const difference = differingField(recorded, replica.perform(recorded));
    if (difference !== undefined) return { name, step, ...difference };
  }
  return undefined;
}

/**
 * Compares the fields that the model shows. `mapped` is compared where it was recorded: a recorder does not look for the
 * mapping before it knows the range, nor after steps that concern other maps.
 */
function differingField(
  recorded: Shown,
  shown: Shown,
): { readonly field: string; readonly expected: unknown; readonly actual: unknown } | undefined {
  for (const [field, actual] of Object.entries(shown)) {
    const expected = recorded[field];
    if (field === 'mapped' && expected === undefined) continue;
    if (!isDeepStrictEqual(expected, actual)) return { field, expected, actual };
  }
  return undefined;
}

function atLine<Result>(line: number, body: () => Result): Result {
  try {
    return body();
  } catch (error) {
    throw error instanceof InputError ? new InputError(error.message, { line }) : error;
  }
}
