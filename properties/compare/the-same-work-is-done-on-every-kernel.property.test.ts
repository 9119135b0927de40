import { describe, expect, test } from 'vitest';
import { kernelsToCompare } from '../../src/compare/kernels.ts';
import { measure, type Row } from '../../src/compare/measurement.ts';
import { churn, fleet, golden, modules, type Workload } from '../../src/compare/workload.ts';
import { profiles } from '../../src/model/kernel/profile.ts';

const SIZE = { programs: 40, operations: 120 };
const WORKLOADS: readonly Workload[] = [fleet(SIZE), modules({ ...SIZE, programs: 8 }), churn(SIZE)];

let clock = 0;
const options = { machine: {}, seed: 'same', now: () => clock++ };

async function rowOf(kernel: string, workload: Workload): Promise<Row> {
  const row = await measure(profiles.get(kernel)!, workload, options);
  if (row === undefined) throw new Error('nobody stopped it');
  return row;
}

describe.each([...profiles.keys()])('on %s', (kernel) => {
  test.each(WORKLOADS)(
    '$name: everything is loaded, everything goes, and nothing is ever writable and executable',
    async (workload) => {
      const row = await rowOf(kernel, workload);
      const { directMap, text } = row;
      expect(row.refused).toBe(0);
      expect(row.live).toBe(workload.programs);
      expect(row.unloads).toBe(row.loads);
      expect(row.writableAndExecutable).toBe(0);
      expect(text.bytesReserved).toBe(text.bytesAsked + text.bytesWasted);
      expect(text.bytesWasted).toBeGreaterThan(0);
      for (const { leaves4K, leaves2M, leaves1G } of [directMap.before, directMap.loaded, directMap.after]) {
        expect(leaves4K + 512 * leaves2M + 512 * 512 * leaves1G, 'all of memory is mapped').toBe(2 ** 20);
      }
      expect(row.samples.map(({ programs }) => programs).toSorted((a, b) => a - b)).toEqual(
        row.samples.map(({ programs }) => programs),
      );
    },
  );
});

test('the same seed is the same work and gives the same counts', async () => {
  const { microsecondsPerOperation: _, lastTenthToFirst: __, ...first } = await rowOf('6.18', churn(SIZE));
  const { microsecondsPerOperation: ___, lastTenthToFirst: ____, ...second } = await rowOf('6.18', churn(SIZE));
  expect(second).toEqual(first);
});

test('a program with pages of its own costs two flushes on all CPUs and a page at least; one in a pack costs neither', async () => {
  const own = await rowOf('per-program-text', fleet(SIZE));
  const packed = await rowOf('6.18', fleet(SIZE));
  expect(own.flushes.load.global).toBeGreaterThanOrEqual(2);
  expect(own.flushes.unload.global).toBeGreaterThanOrEqual(1);
  expect(own.text.leaves4K).toBeGreaterThanOrEqual(SIZE.programs);
  expect(packed.flushes.load.global).toBeLessThan(0.1);
  expect(packed.flushes.unload.global).toBeLessThan(0.1);
  expect(packed.flushes.load.local).toBeGreaterThanOrEqual(1);
});

test('one API serves all users only where somebody wrote it so', async () => {
  const counts = await Promise.all(
    ['vmalloc-text', '6.18', 'execmem-proposal', 'module-alloc-huge'].map(
      async (kernel) => (await rowOf(kernel, fleet({ ...SIZE, programs: 1 }))).apis,
    ),
  );
  expect(counts).toEqual([
    ['vmalloc_text_alloc'],
    ['bpf_prog_pack_alloc', 'execmem_alloc'],
    ['execmem_alloc', 'module_alloc'],
    ['module_alloc_huge', 'module_alloc'],
  ]);
});

test('a recorded unload ends the program of that name, wherever others went before it', async () => {
  const load = (name: string, size: number) => ({ kind: 'load', name, size }) as const;
  const unload = (name: string) => ({ kind: 'unload', name }) as const;
  const recorded = golden([
    load('a', 100),
    load('b', 5000),
    load('c', 40),
    unload('a'),
    unload('c'),
    load('d', 60),
    unload('b'),
  ]);
  const row = await rowOf('per-program-text', recorded);
  expect(recorded.programs).toBe(3);
  expect([row.loads, row.unloads, row.live]).toEqual([4, 4, 3]);
});

test('a stop leaves the rest undone', async () => {
  const row = await measure(profiles.get('6.18')!, churn({ programs: 10, operations: 5000 }), {
    ...options,
    stop: () => true,
  });
  expect(row).toBeUndefined();
});

test('kernels are compared in the order in which they are named', () => {
  expect(kernelsToCompare(['7.3', '6.1']).map(({ name }) => name)).toEqual(['7.3', '6.1']);
  expect(kernelsToCompare(undefined).length).toBeGreaterThan(10);
});
