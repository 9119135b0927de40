/**
 * The companion file of CO-RE recordings: for each type name a small BTF with all kernel types of that essential name and
 * what they hold by value, and the ids they have in the kernel's own BTF.
 */
import * as v from 'valibot';
import { fromHex } from '../base/bytes.ts';
import { parseBtf } from '../model/bpf/btf/parse.ts';
import type { Candidate, TargetTypes } from '../model/bpf/core-relocation/candidates.ts';
import { hexDigits, readLine } from './recorded-object.ts';
import type { ConformContext } from './recording.ts';

/** Where a recording's companion files come from. */
type Companions = Pick<ConformContext, 'companion' | 'optionalCompanion'>;

/**
 * Target types of a recording: those of the companion it names, packed or not; or of the usual one, and of a second file that
 * holds what recordings of whole objects need besides.
 */
export function targetLines(files: Companions, named?: string): readonly unknown[] {
  if (named !== undefined) return files.optionalCompanion(`${named}.gz`) ?? files.companion(named);
  return [
    ...files.companion('targets.jsonl.gz'),
    ...(files.optionalCompanion('targets-light-skeleton.jsonl.gz') ?? []),
  ];
}

const Target = v.object({ name: v.string(), btf: v.nullable(hexDigits()), ids: v.array(v.number()) });

/** A kernel's types, as far as a recording needs them. */
export class RecordedTargets implements TargetTypes {
  readonly #targets = new Map<string, v.InferOutput<typeof Target>>();
  readonly #candidates = new Map<string, readonly Candidate[]>();

  /** `lines` are the objects of the companion file, or of several; the first of a name counts. */
  constructor(lines: Iterable<unknown>) {
    let number = 0;
    for (const line of lines) {
      const target = readLine(Target, line, ++number);
      if (!this.#targets.has(target.name)) this.#targets.set(target.name, target);
    }
  }

  /** Whether the files say anything about this name, be it that the kernel has no such type. */
  has(essential: string): boolean {
    return this.#targets.has(essential);
  }

  namesakes(essential: string): readonly Candidate[] {
    const known = this.#candidates.get(essential);
    if (known !== undefined) return known;
    const { btf: hex = null, ids = [] } = this.#targets.get(essential) ?? {};
    const btf = hex === null ? undefined : parseBtf(fromHex(hex)!);
    const candidates = (btf?.namesakes(essential) ?? []).map((typeId) => ({
      btf: btf!,
      typeId,
      visibleId: ids[typeId - 1]!,
    }));
    this.#candidates.set(essential, candidates);
    return candidates;
  }
}
