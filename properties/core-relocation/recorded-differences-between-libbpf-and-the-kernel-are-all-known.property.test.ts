import { expect, test } from 'vitest';
import { goldenLines } from './golden-files.ts';

interface Load {
  readonly ok: boolean;
  readonly xlated?: string;
  readonly same_as_insns?: boolean;
}

interface EarlyLine {
  readonly name: string;
  readonly divergence?: string;
  readonly early: { readonly na?: string; readonly ok?: boolean; readonly insns?: string; readonly load?: Load };
}

interface LateLine {
  readonly name: string;
  readonly relos: readonly { readonly kind: number }[];
  readonly late: Load & { readonly skipped?: string };
}

const early = goldenLines('core-early-libbpf.jsonl.gz') as unknown as readonly EarlyLine[] | undefined;
const late = goldenLines('core-late-6.18.jsonl.gz') as unknown as readonly LateLine[] | undefined;

const TARGET_ID = 7;

/** Two recordings against each other: libbpf v1.8 and a running 6.18.44, without a model between them. */
test.skipIf(early === undefined || late === undefined)('they differ in exactly the ways that have a number', () => {
  const libbpf = new Map(early!.map((line) => [line.name, line]));
  const ways = new Map<string, number>();
  let same = 0;
  for (const { name, relos, late: kernel } of late!) {
    const line = libbpf.get(name);
    // The two were recorded on two builds of one kernel: ids of its types are not the same.
    const isComparable = kernel.skipped === undefined && line?.early.na === undefined;
    if (line === undefined || !isComparable || relos.some(({ kind }) => kind === TARGET_ID)) continue;
    if (finalProgram(line.early) === (kernel.ok ? kernel.xlated : undefined)) same += 1;
    else {
      const way = line.divergence ?? (name.startsWith('directed.V8.poisoned.') ? 'V8' : name);
      ways.set(way, (ways.get(way) ?? 0) + 1);
    }
  }
  console.log(`${same} the same; ${[...ways].map(([way, count]) => `${way} ${count}`).join(', ')}`);
  expect(same).toBeGreaterThan(2000);
  expect([...ways.keys()].toSorted()).toEqual(['V1', 'V12', 'V13', 'V3', 'V5', 'V6', 'V7', 'V8']);
});

/** The program as it was loaded in the end; undefined where libbpf or the kernel refused it. */
function finalProgram({ ok, insns, load }: EarlyLine['early']): string | undefined {
  if (ok !== true || load?.ok !== true) return undefined;
  return load.same_as_insns === true ? insns : load.xlated;
}
