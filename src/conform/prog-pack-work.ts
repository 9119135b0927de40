import { InputError } from '../language/input-error.ts';
import { type PackProgram, readPackSequence } from './prog-pack-record.ts';
import type { RecordedLine } from './recording.ts';

/** A recorded load or unload of one function of a program. */
export type RecordedWork =
  | { readonly kind: 'load'; readonly size: number; readonly name: string }
  | { readonly kind: 'unload'; readonly name: string };

/**
 * The loads and unloads of a recording of program packs, without what was seen after each: sequence by sequence, and at the end
 * of each everything that still lives goes. Throws an InputError for a line that is damaged or no such recording.
 */
export function recordedWork(lines: readonly RecordedLine[]): readonly RecordedWork[] {
  const work = lines.flatMap((line, index) => {
    const { steps } = readPackSequence(line, index + 1);
    const known = new Map<number, PackProgram>();
    const events: RecordedWork[] = [];
    for (const { live } of [...steps, { live: [] }]) {
      const now = new Map(live.map((program) => [program.id, program]));
      for (const program of known.values()) {
        if (!now.has(program.id)) events.push(...partsOf(index, program).map(({ name }) => unload(name)));
      }
      for (const program of live) if (!known.has(program.id)) events.push(...partsOf(index, program));
      known.clear();
      for (const program of live) known.set(program.id, program);
    }
    return events;
  });
  if (work.length === 0) throw new InputError('the recording loads no program');
  return work;
}

const unload = (name: string): RecordedWork => ({ kind: 'unload', name });

function partsOf(sequence: number, { id, parts }: PackProgram) {
  return parts.map(({ jited }, index) => ({ kind: 'load', size: jited, name: `${sequence}.${id}.${index}` }) as const);
}
