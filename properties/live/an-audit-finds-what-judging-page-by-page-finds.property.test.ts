import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressOf } from '../../src/base/page.ts';
import { type AuditInput, audit, persisting } from '../../src/targets/live/audit.ts';
import { type LeafRun, pageCountOf } from '../../src/targets/live/leaf-run.ts';

/** Frame 0 of the direct map lies here; 600 frames are enough, the first 256 of them below 1 MiB. */
const DIRECT = 0xffff_8880_0000_0000n >> 12n;
const CODE = 0xffff_ffff_c000_0000n >> 12n;
const VMALLOC = 0xffff_c900_0000_0000n >> 12n;
const space = { directMapPage: Number(DIRECT), imageShift: undefined };

const rights = fc.record({ writable: fc.boolean(), executable: fc.boolean() });
const length = fc.integer({ min: 1, max: 40 });

/** Runs one behind the other with gaps, from a page on; the direct map shows frames in order, others any. */
function area(first: bigint, linear: boolean): fc.Arbitrary<readonly LeafRun[]> {
  const piece = fc.record({
    gap: fc.integer({ min: 0, max: 9 }),
    length,
    rights,
    frame: fc.integer({ min: 0, max: 560 }),
  });
  return fc.array(piece, { maxLength: 8 }).map((pieces) => {
    let page = Number(first);
    return pieces.map(({ gap, length: leafCount, rights: both, frame }) => {
      page += gap;
      const run = { page, frame: linear ? page - Number(first) : frame, leafPages: 1 as const, leafCount, ...both };
      page += leafCount;
      return run;
    });
  });
}

const input: fc.Arbitrary<AuditInput> = fc
  .record({
    direct: area(DIRECT, true),
    code: area(CODE, false),
    data: area(VMALLOC, false),
    programs: fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 4 }),
  })
  .map(({ direct, code, data, programs }) => ({
    runs: [...direct, ...data, ...code],
    space,
    jit: [...new Set(programs)].map((page) => ({
      address: addressOf(Number(CODE) + page, 64),
      name: `program${page}`,
    })),
    arenas: [],
  }));

interface Page {
  readonly page: number;
  readonly frame: number;
  readonly writable: boolean;
  readonly executable: boolean;
}

function pagesOf(runs: readonly LeafRun[]): readonly Page[] {
  return runs.flatMap((run) =>
    Array.from({ length: pageCountOf(run) }, (_, n) => ({ ...run, page: run.page + n, frame: run.frame + n })),
  );
}

const broken = (sample: AuditInput, name: string) => audit(sample).find((law) => law.name === name)!.broken;

/** Page numbers that evidence covers. */
function covered(evidence: readonly { readonly address: bigint; readonly pageCount: number }[]): ReadonlySet<number> {
  return new Set(
    evidence.flatMap(({ address, pageCount }) =>
      Array.from({ length: pageCount }, (_, n) => Number(address >> 12n) + n),
    ),
  );
}

test('pages with both rights are found, each of them', () => {
  fc.assert(
    fc.property(input, (sample) => {
      const expected = pagesOf(sample.runs).filter(({ writable, executable }) => writable && executable);
      const found = covered(broken(sample, 'no-entry-is-writable-and-executable'));
      expect([...found].toSorted()).toEqual(expected.map(({ page }) => page).toSorted());
    }),
    { seed: 3, numRuns: 200 },
  );
});

test('a law about aliases breaks exactly when some frame has both rights on different pages', () => {
  let brokenCases = 0;
  fc.assert(
    fc.property(input, (sample) => {
      const pages = pagesOf(sample.runs);
      const sealed = pages.filter(({ writable, executable }) => executable && !writable);
      const writable = new Set(pages.filter((page) => page.writable && !page.executable).map(({ frame }) => frame));
      const expected = sealed.filter(({ frame }) => writable.has(frame));
      const found = broken(sample, 'executable-frames-are-writable-nowhere');
      expect(found.length > 0).toBe(expected.length > 0);
      const all = covered(found);
      for (const { page } of expected) expect(all.has(page)).toBe(true);
      brokenCases += found.length > 0 ? 1 : 0;
    }),
    { seed: 4, numRuns: 200 },
  );
  expect(brokenCases).toBeGreaterThan(20);
});

test('the direct map may be executable only below 1 MiB, and only where it is read-only', () => {
  fc.assert(
    fc.property(input, (sample) => {
      const law = audit(sample).find(({ name }) => name === 'direct-map-is-never-executable')!;
      const executable = sample.runs.filter((run) => run.executable && run.page - run.frame === Number(DIRECT));
      const trampoline = executable.filter((run) => !run.writable && run.frame + run.leafCount <= 256);
      expect(law.expected.length).toBe(trampoline.length);
      expect(law.broken.length).toBe(executable.length - trampoline.length);
    }),
    { seed: 5, numRuns: 200 },
  );
});

test('JITed code is sealed exactly when its page is r-x and its alias is r-- or absent', () => {
  let sealedCases = 0;
  fc.assert(
    fc.property(input, (sample) => {
      const pages = pagesOf(sample.runs);
      const isSealed = (address: bigint) => {
        const own = pages.find(({ page }) => page === Number(address >> 12n));
        const alias = pages.find(({ page }) => page === Number(DIRECT) + (own?.frame ?? 0));
        return own?.executable === true && !own.writable && !alias?.writable && !alias?.executable;
      };
      const expected = sample.jit.filter(({ address }) => !isSealed(address)).map(({ address }) => address);
      expect(broken(sample, 'jit-text-is-sealed').map(({ address }) => address)).toEqual(expected);
      sealedCases += sample.jit.length - expected.length;
    }),
    { seed: 6, numRuns: 300 },
  );
  expect(sealedCases).toBeGreaterThan(5);
});

test('an arena may be mapped in its 4 GiB, nowhere in the 32 KiB on either side, and is never executable', () => {
  const start = addressOf(Number(VMALLOC) + 1000);
  const look = (offset: number, executable = false) => {
    const page = Number(VMALLOC) + 1000 + offset;
    const run: LeafRun = { page, frame: 300, leafPages: 1, leafCount: 1, writable: true, executable };
    return audit({ runs: [run], space, jit: [], arenas: [start] }).find(
      ({ name }) => name === 'arena-guards-are-absent',
    )!;
  };
  expect(look(-9).broken).toHaveLength(0);
  expect(look(-8).broken).toHaveLength(1);
  expect(look(-1).broken).toHaveLength(1);
  expect(look(0).broken).toHaveLength(0);
  expect(look(2 ** 20 - 1).broken).toHaveLength(0);
  expect(look(5, true).broken).toHaveLength(1);
  // One page above is the scratch page of 7.2 and later.
  expect(look(2 ** 20)).toMatchObject({ broken: [], expected: [{ pageCount: 1 }] });
  expect(look(2 ** 20 + 8)).toMatchObject({ broken: [], expected: [] });
});

test('only what is broken twice in a row stays broken', () => {
  fc.assert(
    fc.property(input, input, (first, second) => {
      const stays = persisting(audit(first), audit(second));
      expect(persisting(audit(first), audit(first))).toEqual(audit(first));
      for (const law of stays) {
        const both = [audit(first), audit(second)].map((laws) => laws.find(({ name }) => name === law.name)!.broken);
        const texts = both.map((all) => all.map(({ text }) => text));
        expect(law.broken.map(({ text }) => text)).toEqual(texts[1]!.filter((text) => texts[0]!.includes(text)));
      }
    }),
    { seed: 7, numRuns: 60 },
  );
});
