import { expect, test } from 'vitest';
import { randomOfRun, Walk } from '../../src/engine/generate.ts';
import { Session } from '../../src/engine/session.ts';
import { arenaSuite } from '../../src/lab/suites/arena.ts';
import type { Step } from '../../src/language/trace.ts';

/** Ways in which a step's arguments can be wrong, told from the arguments alone. */
const WRONG = {
  unaligned: ({ byte, more_bytes: more, bytes, offset, place }) =>
    byte > 0 || more > 0 || bytes % 4096 > 0 || (offset ?? 0) % 8 !== 0 || place === 'unaligned',
  below: ({ page, form }) => page < 0 && form !== 'null',
  // The largest arena that these runs make without careless arguments, save those of 4 GiB, has 32 pages.
  behind: ({ page, slots, offset }) => page >= 32 || slots > 2 ** 20 || offset >= 2 ** 32 - 1,
  none: ({ count, pages, slots, bytes, length, data }) =>
    count === 0 || pages === 2 ** 52 || slots === 0 || bytes === 0 || length === 0 || data?.length === 0,
  wide: ({ page, pages, count, node, form, place, bytes }) =>
    Math.abs(page) >= 2 ** 34 ||
    pages >= 2 ** 34 ||
    bytes >= 2 ** 47 ||
    Math.max(count, Math.abs(node)) >= 2 ** 32 ||
    form === 'garbage' ||
    place === 'kernel-half',
  // biome-ignore lint/suspicious/noExplicitAny: arguments of every operation, by name
} satisfies Record<string, (args: any) => boolean>;
type Wrong = keyof typeof WRONG;

/** What each call can be given wrongly. A length of 2^52 pages is one of 0 bytes by the time it is 64 bits wide. */
const CALLS: Readonly<Record<string, readonly Wrong[]>> = {
  arena_map_alloc: ['unaligned', 'behind', 'none', 'wide'],
  mmap: ['unaligned', 'below', 'behind', 'none', 'wide'],
  munmap: ['unaligned', 'below', 'behind', 'none', 'wide'],
  mprotect: ['unaligned', 'below', 'behind', 'none', 'wide'],
  mremap: ['unaligned', 'below', 'behind', 'none', 'wide'],
  madvise: ['unaligned', 'below', 'behind', 'none', 'wide'],
  mlock: ['unaligned', 'below', 'behind', 'none', 'wide'],
  process_vm_readv: ['unaligned', 'below', 'behind', 'none', 'wide'],
  process_vm_writev: ['unaligned', 'below', 'behind', 'none', 'wide'],
  bpf_arena_alloc_pages: ['unaligned', 'below', 'behind', 'none', 'wide'],
  bpf_arena_free_pages: ['unaligned', 'below', 'behind', 'none', 'wide'],
  bpf_arena_reserve_pages: ['unaligned', 'below', 'behind', 'none', 'wide'],
  arena_load: ['unaligned', 'below', 'behind', 'wide'],
  arena_store: ['unaligned', 'below', 'behind', 'wide'],
  arena_atomic: ['unaligned', 'below', 'behind', 'wide'],
  addr_space_cast: ['unaligned', 'below', 'behind', 'wide'],
};

const RUNS = 800;

test('each call is given arguments that are unaligned, outside, empty or 64-bit garbage', () => {
  const seen = new Map<string, number>();
  let steps = 0;
  for (const step of stepsOfRuns()) {
    steps++;
    for (const [wrong, isWrong] of Object.entries(WRONG)) {
      // biome-ignore lint/suspicious/noExplicitAny: the arguments of whatever operation it is
      if (!isWrong(step.args as any)) continue;
      const cell = `${step.operation.name} ${wrong}`;
      seen.set(cell, (seen.get(cell) ?? 0) + 1);
    }
  }
  const cells = Object.entries(CALLS).map(([call, wrongs]) =>
    [call, ...wrongs.map((wrong) => `${wrong} ${seen.get(`${call} ${wrong}`) ?? 0}`)].join('  '),
  );
  console.log(`${RUNS} runs, ${steps} steps\n${cells.join('\n')}`);
  expect(cells.filter((cell) => / 0\b/.test(cell))).toEqual([]);
});

function* stepsOfRuns(): Generator<Step> {
  const session = new Session(arenaSuite, { kernel: '7.2', judging: false });
  for (let number = 0; number < RUNS; number++) {
    const random = randomOfRun({ seed: 'wrong', suite: 'arena', kernel: '7.2', number });
    const walk = new Walk(session, random, arenaSuite.steps);
    while (!walk.advance(Number.POSITIVE_INFINITY));
    yield* walk.steps;
  }
}
