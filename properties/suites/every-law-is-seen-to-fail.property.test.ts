import { describe, expect, test } from 'vitest';
import { runSuite } from '../../src/engine/run.ts';
import { bootSuite } from '../../src/lab/suites/boot.ts';
import { dispatcherSuite } from '../../src/lab/suites/dispatcher.ts';
import { pageAttributesSuite, smallPageAttributesSuite } from '../../src/lab/suites/page-attributes.ts';
import { progPackSuite } from '../../src/lab/suites/prog-pack.ts';
import { textPokeSuite } from '../../src/lab/suites/text-poke.ts';
import { vmallocSuite } from '../../src/lab/suites/vmalloc.ts';
import type { AnySuite } from '../../src/language/suite.ts';

/**
 * A law that cannot fail says nothing. By suite: each law of kernel memory and packs, and a fault whose true consequence
 * breaks it, also where another law would have been quicker to say so.
 */
const breakers: readonly (readonly [AnySuite, Readonly<Record<string, string>>])[] = [
  [
    bootSuite,
    {
      'nothing-of-boot-stays-writable-and-executable': 'data-stays-executable',
      'no-entry-is-writable-and-executable': 'data-stays-executable',
      'kernel-rodata-stays-read-only': 'static-protections-ignored',
    },
  ],
  [
    pageAttributesSuite,
    {
      'executable-frames-are-writable-nowhere': 'alias-is-forgotten',
      'direct-map-is-never-executable': 'alias-becomes-executable',
      'cpus-and-tables-together-keep-w-xor-x': 'alias-is-not-flushed',
      'no-cpu-keeps-rights-that-were-taken': 'change-flushes-one-cpu',
      'level-counters-count-leaves': 'split-is-not-counted',
      'locks-keep-their-order': 'sleeping-lock-inside-collapse',
      'splits-are-flushed-before-attributes-change': 'split-forgets-its-flush',
      'collapsed-leaves-say-what-their-entries-said': 'collapse-looks-at-the-first-entry',
      'live-areas-map-their-own-frames': 'collapse-looks-at-the-first-entry',
      'tables-are-freed-after-the-flush': 'tables-freed-before-the-flush',
      'only-asked-pages-change-rights': 'part-of-a-large-page-changes-all',
    },
  ],
  [smallPageAttributesSuite, { 'large-entries-need-large-pages': 'collapse-without-large-pages' }],
  [
    vmallocSuite,
    {
      'addresses-are-flushed-before-reuse': 'addresses-reused-unflushed',
      'no-cpu-walks-a-freed-table': 'empty-table-freed-unflushed',
      'vm-areas-are-disjoint': 'guard-page-forgotten',
      'freed-frames-are-ordinary-memory': 'permissions-not-reset',
      'permissions-are-reset-before-frames-are-freed': 'direct-map-restored-before-the-flush',
      'refused-operations-map-nothing': 'failed-area-leaks',
      'nothing-of-a-flushed-area-is-held': 'purge-forgets-its-flush',
    },
  ],
  [
    textPokeSuite,
    {
      'the-poke-alias-dies-with-the-poke': 'poke-leaves-its-alias',
      'the-poke-alias-is-never-executable': 'poke-alias-is-executable',
      'no-cpu-holds-the-poke-alias': 'poke-forgets-its-flush',
      'pokes-concern-one-cpu': 'poke-flushes-everybody',
      'text-changes-through-pokes-alone': 'text-written-in-place',
      'patch-sites-hold-old-new-or-a-trap': 'heads-before-tails',
      'no-cpu-runs-a-torn-instruction': 'int3-handler-gone-early',
    },
  ],
  [
    progPackSuite,
    {
      'headers-hold-the-allocated-size': 'image-beyond-the-first-chunk',
      'images-start-alike-in-text-and-buffer': 'buffer-image-unshifted',
      'rw-buffers-live-until-finalize': 'freed-buffer-freed-again',
      'ended-programs-leave-nothing': 'error-path-pokes-no-size',
      'the-limit-binds-the-incapable': 'program-uncharged',
      'a-free-returns-what-was-charged': 'freed-program-stays-charged',
      'refusals-change-nothing': 'failed-allocation-stays-charged',
      'rights-never-pass-through-write-and-execute': 'huge-pack-writable-first',
      'text-is-placed-first-fit': 'best-fit-in-a-pack',
      'chunks-are-busy-exactly-while-held': 'last-chunk-lost',
      'no-pack-stands-idle': 'empty-pack-kept',
      'packs-are-finished-when-listed': 'protection-result-ignored',
      'free-text-is-trap-filled': 'free-leaves-old-text',
      'allocations-are-disjoint': 'last-chunk-not-marked',
      'text-is-aligned': 'slice-begins-inside-its-chunk',
      'text-lies-in-one-block-of-the-module-window': 'pack-one-page-short',
      'text-memory-outlives-its-holders': 'unwritten-size-freed',
      'no-executable-memory-is-lost': 'empty-pack-kept',
      'text-holds-only-what-its-owner-wrote': 'neighbour-trapped',
      'the-charge-is-what-exists': 'program-uncharged',
      'right-steps-raise-no-alarm': 'failed-copy-stops-the-machine',
    },
  ],
  [
    dispatcherSuite,
    {
      'the-dispatcher-serves-those-attached': 'dispatcher-users-uncounted',
      'the-rewritten-half-is-out-of-reach': 'no-grace-period',
    },
  ],
];

const planted = breakers.flatMap(([suite, laws]) =>
  Object.entries(laws).map(([law, fault]) => ({ law, fault, suite })),
);

describe.each(planted)('$law, judged alone', ({ law, fault, suite }) => {
  test(`sees ${fault}`, async () => {
    const alone = { ...suite, invariants: suite.invariants.filter(({ name }) => name === law) };
    const { kernel } = suite.faults!.find(({ name }) => name === fault)!;
    const { runs, steps } = suite;
    const report = await runSuite(alone, { kernel, machine: {}, seed: 'fails', runs, steps, fault });
    expect(report.verdict, report.reason).toBe('violates');
  });
});

test('no law of these suites is left out', () => {
  const seen = new Set(planted.map(({ law }) => law));
  for (const [suite] of breakers) {
    for (const { name } of suite.invariants) expect(seen, `a fault that breaks ${name}`).toContain(name);
  }
});
