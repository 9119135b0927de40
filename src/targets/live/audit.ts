import { addressOf, pageOf } from '../../base/page.ts';
import { hex } from '../../base/word.ts';
import { type AddressSpace, regionOf } from './address-space.ts';
import type { KernelSymbol } from './kallsyms.ts';
import { LeafIndex } from './leaf-index.ts';
import { type LeafRun, pageCountOf, rightsText } from './leaf-run.ts';

/**
 * Judges the kernel's half of an address space by the laws that hold at rest. It sees only what it is given: leaves, and what is
 * known about some of them. The laws and their exceptions are x86-64's (arch/x86/mm/pat/set_memory.c, kernel/bpf/arena.c).
 */
export interface AuditInput {
  readonly runs: readonly LeafRun[];
  readonly space: AddressSpace;
  /** Where code of JITed programs, trampolines and dispatchers begins. */
  readonly jit: readonly KernelSymbol[];
  /** Kernel addresses of the 4 GiB windows of arenas. */
  readonly arenas: readonly bigint[];
  /** What the content of an executable page shows it to be, in words; undefined where it shows nothing. */
  recognise?(page: number): string | undefined;
}

export interface LawFindings {
  readonly name: string;
  readonly law: string;
  /** How many things the law had to judge, and what they are. */
  readonly judged: number;
  readonly unit: string;
  readonly broken: readonly Evidence[];
  /** Exceptions that the kernel makes on purpose. */
  readonly expected: readonly Evidence[];
}

export interface Evidence {
  /** The first address that it is about. */
  readonly address: bigint;
  readonly pageCount: number;
  readonly text: string;
  /** What the page holds and how it came to be so, where that is known. */
  readonly story?: string;
}

export function audit(input: AuditInput): readonly LawFindings[] {
  const scene = { ...input, index: new LeafIndex(input.runs) };
  return [
    noEntryIsWritableAndExecutable(scene),
    executableFramesAreWritableNowhere(scene),
    directMapIsNeverExecutable(scene),
    jitTextIsSealed(scene),
    arenaGuardsAreAbsent(scene),
  ];
}

/** What two looks in a row found: memory that changed its owner in between shows nothing that stays. */
export function persisting(first: readonly LawFindings[], second: readonly LawFindings[]): readonly LawFindings[] {
  return second.map((law) => {
    const before = new Set(first.find(({ name }) => name === law.name)?.broken.map(({ text }) => text));
    return { ...law, broken: law.broken.filter(({ text }) => before.has(text)) };
  });
}

interface Scene extends AuditInput {
  readonly index: LeafIndex;
}

function noEntryIsWritableAndExecutable({ runs, space, recognise }: Scene): LawFindings {
  const both = runs.filter(({ writable, executable }) => writable && executable);
  const broken = both.map((run) => {
    const story = recognise?.(run.page);
    const found = evidence(run, `${placed(run, space)} is writable and executable`);
    return story === undefined ? found : { ...found, story };
  });
  return {
    name: 'no-entry-is-writable-and-executable',
    law: 'No page of the kernel is writable and executable through one mapping.',
    judged: sum(runs, ({ leafCount }) => leafCount),
    unit: 'leaf',
    broken,
    expected: [],
  };
}

/** Frames with a mapping that has both rights are the first law's: here the rights lie on different mappings. */
function executableFramesAreWritableNowhere({ runs, space, index }: Scene): LawFindings {
  const sealed = runs.filter(({ writable, executable }) => executable && !writable);
  const broken = sealed.flatMap((run) =>
    [...index.showing(run.frame, pageCountOf(run))]
      .filter(({ writable, executable }) => writable && !executable)
      .map((alias) => evidence(run, `${placed(run, space)} is executable, and writable as ${placed(alias, space)}`)),
  );
  return {
    name: 'executable-frames-are-writable-nowhere',
    law: 'No frame is executable through one mapping and writable through another.',
    judged: sum(sealed, pageCountOf),
    unit: 'executable page',
    broken,
    expected: [],
  };
}

function directMapIsNeverExecutable({ runs, space }: Scene): LawFindings {
  const direct = runs.filter((run) => regionOf(space, run) === 'direct map');
  const executable = direct.filter((run) => run.executable);
  const isTrampoline = (run: LeafRun) => !run.writable && run.frame + pageCountOf(run) <= FRAMES_BELOW_1M;
  return {
    name: 'direct-map-is-never-executable',
    law: 'No leaf of the direct map is executable.',
    judged: sum(direct, ({ leafCount }) => leafCount),
    unit: 'leaf',
    broken: executable
      .filter((run) => !isTrampoline(run))
      .map((run) => evidence(run, `${placed(run, space)} is executable`)),
    // arch/x86/realmode/init.c:set_real_mode_permissions() makes the text that starts CPUs read-only and executable.
    expected: executable
      .filter(isTrampoline)
      .map((run) => evidence(run, `${placed(run, space)} is executable: the real-mode trampoline`)),
  };
}

function jitTextIsSealed({ jit, space, index }: Scene): LawFindings {
  const pages = new Map(jit.map((symbol) => [pageOf(symbol.address), symbol]));
  const broken = [...pages].flatMap(([page, { address, name }]) => {
    const told = (what: string) => [{ address, pageCount: 1, text: `${name} at ${hex(address)} ${what}` }];
    const run = index.at(page);
    if (run === undefined) return told('is not mapped');
    if (run.writable || !run.executable) return told(`is ${rightsText(run)}, not r-x`);
    const alias = index.at(space.directMapPage + run.frame + (page - run.page));
    if (alias?.writable || alias?.executable) return told(`is ${rightsText(alias)} in the direct map, not r--`);
    return [];
  });
  return {
    name: 'jit-text-is-sealed',
    law: 'The page where JITed code begins is r-x, and its alias in the direct map r--.',
    judged: pages.size,
    unit: 'page with JITed code',
    broken,
    expected: [],
  };
}

/**
 * Half of the guard lies below the window's 4 GiB and half above, and nothing is ever mapped there (kernel/bpf/arena.c,
 * GUARD_SZ). From 7.2 the upper half may show one scratch page, put there when the kernel itself stepped into it.
 */
function arenaGuardsAreAbsent({ arenas, index }: Scene): LawFindings {
  const broken: Evidence[] = [];
  const expected: Evidence[] = [];
  for (const start of arenas) {
    const first = pageOf(start);
    const upper = [...index.within(first + WINDOW_PAGES, HALF_GUARD_PAGES)];
    const scratch = new Set(upper.map(({ frame }) => frame)).size === 1 && upper.every((run) => pageCountOf(run) === 1);
    const found = (run: LeafRun, where: string) =>
      evidence(run, `${runText(run)} is mapped ${where} the arena at ${hex(start)}`);
    broken.push(...[...index.within(first - HALF_GUARD_PAGES, HALF_GUARD_PAGES)].map((run) => found(run, 'below')));
    (scratch ? expected : broken).push(...upper.map((run) => found(run, 'above')));
    for (const run of index.within(first, WINDOW_PAGES)) {
      if (run.executable) broken.push(evidence(run, `${runText(run)} in the arena at ${hex(start)} is executable`));
    }
  }
  return {
    name: 'arena-guards-are-absent',
    law: 'Nothing is mapped in the guards of an arena, and nothing in its window is executable.',
    judged: arenas.length,
    unit: 'arena',
    broken,
    expected,
  };
}

function evidence(run: LeafRun, text: string): Evidence {
  return { address: addressOf(run.page), pageCount: pageCountOf(run), text };
}

const placed = (run: LeafRun, space: AddressSpace): string => `${runText(run)} (${regionOf(space, run)})`;

function runText(run: LeafRun): string {
  const last = addressOf(run.page + pageCountOf(run)) - 1n;
  const frames = `frame ${hex(run.frame)}`;
  return pageCountOf(run) === 1
    ? `${hex(addressOf(run.page))}, ${frames}`
    : `${hex(addressOf(run.page))}-${hex(last)}, ${frames} on`;
}

function sum<Item>(items: readonly Item[], count: (item: Item) => number): number {
  return items.reduce((total, item) => total + count(item), 0);
}

const FRAMES_BELOW_1M = 256;
const WINDOW_PAGES = 2 ** 20;
const HALF_GUARD_PAGES = 8;
