import { Journal } from '../../src/base/journal.ts';
import {
  type Argument,
  boolean,
  bytes,
  Expected,
  integer,
  list,
  made,
  oneOf,
  word64,
} from '../../src/language/argument.ts';
import { fault } from '../../src/language/fault.ts';
import { invariant } from '../../src/language/invariant.ts';
import { kernelBug } from '../../src/language/kernel-bug.ts';
import { operation } from '../../src/language/operation.ts';
import { suite } from '../../src/language/suite.ts';

/**
 * A vocabulary that uses every kind of argument, several results, aliases, defaults and blocks: what trace text has to
 * carry. Nothing here is ever performed.
 */

/** Lines of a little program: a block in trace text. */
const lines: Argument<readonly string[]> = {
  kind: 'value',
  draw: () => ['exit'],
  simpler: () => [],
  few: () => [['exit']],
  write: (value) => ({ kind: 'block', lines: value }),
  read(syntax) {
    if (syntax.kind !== 'block') return new Expected('a block');
    const wrong = syntax.lines.findIndex((line) => !/^(r[0-9] = -?[0-9]+|call [a-z0-9_]+#[0-9]+|exit)$/.test(line));
    return wrong < 0 ? syntax.lines : new Expected('an instruction', wrong);
  },
};

const effect = { does: 'Nothing; only its text matters.', apply: () => undefined };

const alloc = operation({
  name: 'bpf_jit_binary_pack_alloc',
  aliases: ['pack_alloc'],
  ...effect,
  makes: 'prog',
  takes: {
    length: integer({ min: 1, max: 1 << 22 }),
    align: integer({ min: 1, max: 4096, default: 4 }),
    offset: integer({ min: -100, max: 100, default: 0, base: 16 }),
  },
});

const finalize = operation({
  name: 'bpf_jit_binary_pack_finalize',
  ...effect,
  takes: { prog: made('prog') },
});

const free = operation({
  name: 'bpf_jit_binary_pack_free',
  ...effect,
  ends: 'prog',
  takes: { prog: made('prog', { life: 'any' }) },
});

const split = operation({
  name: 'split-area',
  ...effect,
  makes: ['area', 'area'],
  takes: { at: word64(), quick: boolean({ default: false }), how: oneOf(['best fit', '6.18', 'first-fit']) },
});

const copy = operation({
  name: 'text_poke_copy',
  ...effect,
  takes: {
    to: made('area'),
    code: bytes({ maxLength: 64 }),
    from: made('prog'),
    marks: list(integer({ min: 0, max: 99 }), { maxLength: 4, default: [] }),
    grid: list(list(integer({ min: 0, max: 9 }), { maxLength: 3 }), { maxLength: 3, default: [[1], []] }),
  },
});

const program = operation({
  name: 'program',
  ...effect,
  makes: 'program',
  takes: { type: oneOf(['xdp', 'socket'], { default: 'xdp' }), instructions: lines },
});

export const vocabulary = suite({
  name: 'text',
  about: 'Every shape of trace text.',
  kernels: ['6.18', 'execmem-proposal'],
  boot: () => ({ journal: new Journal() }),
  operations: [alloc, finalize, free, split, copy, program],
  invariants: [invariant({ name: 'nothing-happens', law: 'Nothing happens.', judge: () => undefined })],
  faults: [
    fault({
      name: 'free-leaves-old-text',
      story: 'Freed text stays as it was.',
      breaks: 'nothing-happens',
      kernel: '6.18',
      suite: 'text',
      source: 'none',
      plant: () => undefined,
    }),
  ],
  kernelBugs: [
    kernelBug({
      name: 'free-below-base',
      story: 'The page offset wraps.',
      kernels: ['6.18'],
      laws: ['nothing-happens'],
      recognises: () => false,
    }),
  ],
  runs: 1,
  steps: 10,
});

/** A second suite with an operation of the same name. */
const other = suite({
  name: 'other',
  about: 'Shares a name with the first.',
  kernels: ['6.1'],
  boot: () => ({ journal: new Journal() }),
  operations: [operation({ name: 'split-area', ...effect, takes: {} })],
  invariants: [],
  runs: 1,
  steps: 1,
});

export const suites = [vocabulary, other];

/** A text that uses all of it. */
export const SAMPLE = `# a free that forgets the refill
kernel: 6.18
machine: cpus=2 pse=off
suite: text
seed: "demo \\u0023 1"
fault: free-leaves-old-text
expect: violates nothing-happens

# the first program
prog1 = bpf_jit_binary_pack_alloc(length: 500)
mine = bpf_jit_binary_pack_alloc(length: 4194304, align: 64, offset: -0x10)  # as big as can be
area1, area2 = split-area(at: 0xffffffffc0000000, quick: true, how: "best fit")
text_poke_copy(area2, mine, code: x"cc90", marks: [1, 2], grid: [[], [1, 2]])
bpf_jit_binary_pack_finalize(prog1)
program1 = program {
  r0 = -1
  call bpf_get_prandom_u32#7
  exit
}
program2 = program(type: socket) {
  exit
}
bpf_jit_binary_pack_free(mine)
# the end
`;
