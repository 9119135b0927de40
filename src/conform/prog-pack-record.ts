import * as v from 'valibot';
import { InputError } from '../language/input-error.ts';
import type { RecordedLine } from './recording.ts';

/** Chunk runs, first and last inclusive. */
const runs = v.array(v.tuple([v.number(), v.number()]));

/** How many pages of a range are present, writable, executable, and by the size of their leaf. */
const permissions = v.object({
  present: v.number(),
  writable: v.number(),
  executable: v.number(),
  levels: v.record(v.string(), v.number()),
});

/** A pack by its number, or a dedicated area as `area<n>`. */
const label = v.union([v.number(), v.string()]);

const part = v.object({ pack: label, chunk: v.number(), size: v.number(), imageOffset: v.number(), jited: v.number() });

const program = v.object({ id: v.number(), extable: v.number(), parts: v.array(part) });

const block = {
  guardAfter: v.boolean(),
  va: permissions,
  alias: permissions,
};

const step = v.object({
  op: v.picklist(['load', 'close']),
  args: v.object({ ids: v.optional(v.array(v.number())) }),
  result: v.union([v.string(), v.object({ id: v.number() })]),
  live: v.array(program),
  packs: v.array(v.object({ pack: v.number(), used: runs, freeChunksAllTrap: v.boolean(), ...block })),
  areas: v.array(v.object({ area: v.number(), pages: v.number(), ...block })),
  newPack: v.optional(label),
  directMapDeltaKB: v.optional(v.object({ '4k': v.number(), '2M': v.number(), '1G': v.number() })),
  freed: v.optional(v.array(v.object({ size: v.number(), state: v.string(), pack: label, chunk: v.number() }))),
  released: v.optional(v.array(v.object({ pack: label, vaPresent: v.union([v.number(), v.string()]) }))),
});

const sequence = v.object({ name: v.string(), kernel: v.optional(v.string()), steps: v.array(step) });

/** One line of a recording of program packs: loads and closes on a running kernel, with what was seen after each. */
export type PackSequence = v.InferOutput<typeof sequence>;
export type PackStep = v.InferOutput<typeof step>;
export type PackProgram = v.InferOutput<typeof program>;
export type Permissions = v.InferOutput<typeof permissions>;
export type Label = v.InferOutput<typeof label>;

/** Whether an object looks like a line of such a recording. */
export function isPackSequence(line: RecordedLine): boolean {
  const { steps } = line;
  const [first] = Array.isArray(steps) ? (steps as readonly Record<string, unknown>[]) : [];
  return first !== undefined && (first.op === 'load' || first.op === 'close') && 'live' in first && 'packs' in first;
}

/** Throws an InputError that names the line (counted from 1) and the field that is wrong. */
export function readPackSequence(line: RecordedLine, number: number): PackSequence {
  const parsed = v.safeParse(sequence, line);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new InputError(`${v.getDotPath(issue) ?? 'the object'}: ${issue.message}`, { line: number });
}
