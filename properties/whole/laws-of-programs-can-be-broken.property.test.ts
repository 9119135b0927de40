import { expect, it } from 'vitest';
import { performTrace } from '../../src/engine/perform.ts';
import { freedCodeNeverRuns } from '../../src/invariants/whole/freed-code-never-runs.ts';
import { interpreterAndCpuAgree } from '../../src/invariants/whole/interpreter-and-cpu-agree.ts';
import { jitedLengthHeaderAndChunksAgree } from '../../src/invariants/whole/jited-length-header-and-chunks-agree.ts';
import { noInstructionIsFetchedFromWritableMemory } from '../../src/invariants/whole/no-instruction-is-fetched-from-writable-memory.ts';
import { wholeSuite } from '../../src/lab/suites/whole.ts';
import { fault } from '../../src/language/fault.ts';
import type { Invariant } from '../../src/language/invariant.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { pageOfText } from '../../src/model/kernel/text-address.ts';
import { WRITABLE } from '../../src/model/machine/page-table-entry.ts';
import type { WholeWorld } from '../../src/model/whole-world.ts';

/** Performs a trace with one law and one planted bug, and tells which law broke at which step. */
function brokenBy(law: Invariant<WholeWorld>, plant: (world: WholeWorld) => void, steps: string) {
  const about = { story: 'a test', breaks: law.name, kernel: '6.18', suite: 'whole', source: 'plausible' };
  const suite = {
    ...wholeSuite,
    invariants: [law],
    kernelBugs: [],
    faults: [fault({ name: 'planted', ...about, plant })],
  };
  const performed = performTrace(suite, parseTrace(`suite: whole\nkernel: 6.18\n\n${steps}`, [suite]), {
    fault: 'planted',
  });
  return performed.kind === 'holds' ? 'holds' : `${performed.violation.law} at step ${performed.violation.step}`;
}

const CALLER = `prog1 = program {
  r2 = map[id:1]
  r3 = 0
  call unknown#12
  r0 = 1
  exit
}
bpf_int_jit_compile(prog1)
bpf_prog_select_runtime(prog1)
`;
const CALLEE = `prog2 = program {
  r0 = 2
  exit
}
bpf_int_jit_compile(prog2)
bpf_prog_select_runtime(prog2)
`;
const CALLED = `${CALLER}${CALLEE}poke1 = bpf_map_update_elem(prog2)
smp_text_poke_batch_process(poke1)
`;

/** Deleting an element empties the slot but patches no tail call. */
function forgetToPatchOut({ array }: WholeWorld): void {
  const patched = array.replacements.bind(array);
  array.replacements = (patch, target) => (target === undefined ? [] : patched(patch, target));
}

it('a tail call that leads into a freed program', () => {
  const steps = `${CALLED}poke2 = bpf_map_delete_elem()\nbpf_prog_put(prog2)\nbpf_prog_run(prog1)\n`;
  expect(
    brokenBy(
      freedCodeNeverRuns,
      () => {},
      steps.replace('bpf_prog_put', 'smp_text_poke_batch_process(poke2)\nbpf_prog_put'),
    ),
  ).toBe('holds');
  expect(brokenBy(freedCodeNeverRuns, forgetToPatchOut, steps)).toBe('freed-code-never-runs at step 10');
});

it('text that a CPU finds only through a translation which no table holds any more', () => {
  const moveUnflushed = (world: WholeWorld) => {
    const compile = world.programs.compile.bind(world.programs);
    world.programs.compile = (program, request) => {
      const before = world.programs.all.items[0]!.texts[0];
      if (before !== undefined) {
        const { table, index, level } = world.machine.kernelTables.walk(pageOfText(before.binary.image));
        const { memory } = world.machine;
        const frame = level === 1 ? memory.allocate('vmalloc')!.number : memory.allocateBlock('vmalloc')!;
        table.setEntry(index, frame, table.entryFlags(index));
      }
      return compile(program, request);
    };
  };
  const steps = `${CALLEE}bpf_prog_run(prog2)\n${CALLER.replace(/^bpf_prog_select.*\n/m, '')}bpf_prog_run(prog2)\n`;
  expect(brokenBy(freedCodeNeverRuns, () => {}, steps)).toBe('holds');
  expect(brokenBy(freedCodeNeverRuns, moveUnflushed, steps)).toBe('freed-code-never-runs at step 6');
});

it('a tail call that still leads where it led', () => {
  const steps = `${CALLED}poke2 = bpf_map_delete_elem()\nbpf_prog_run(prog1)\n`;
  expect(brokenBy(interpreterAndCpuAgree, forgetToPatchOut, steps)).toBe('interpreter-and-cpu-agree at step 9');
});

it('a tail call that is let in before it has a target', () => {
  const reverse = ({ array }: WholeWorld) => {
    const inOrder = array.replacements.bind(array);
    array.replacements = (patch, target) => [...inOrder(patch, target)].reverse();
  };
  const steps = `${CALLED.replace('(poke1)', '(poke1, phases: 4)')}bpf_prog_run(prog1)\n`;
  expect(brokenBy(interpreterAndCpuAgree, () => {}, steps)).toBe('holds');
  expect(brokenBy(interpreterAndCpuAgree, reverse, steps)).toBe('interpreter-and-cpu-agree at step 8');
});

it('text whose alias in the direct map stays writable', () => {
  const openAlias = (world: WholeWorld) => {
    const finalize = world.programs.finalize.bind(world.programs);
    world.programs.finalize = (program, cpu) => {
      finalize(program, cpu);
      const leaf = world.machine.kernelTables.translate(pageOfText(program.texts[0]!.binary.image))!;
      const { table, index } = world.machine.kernelTables.walk(world.directMap.pageOf(leaf.frame));
      table.setEntry(index, table.entryFrame(index), table.entryFlags(index) | WRITABLE);
    };
  };
  const steps = `${CALLER}bpf_prog_run(prog1)\n`;
  const law = noInstructionIsFetchedFromWritableMemory;
  expect(brokenBy(law, () => {}, steps)).toBe('holds');
  expect(brokenBy(law, openAlias, steps)).toBe(`${law.name} at step 3`);
});

it('a header that says another size', () => {
  const shrinkHeader = (world: WholeWorld) => {
    const finalize = world.programs.finalize.bind(world.programs);
    world.programs.finalize = (program, cpu) => {
      finalize(program, cpu);
      world.text.memory.pokeCopy(program.texts[0]!.binary.header, Uint8Array.of(64, 0, 0, 0), cpu);
    };
  };
  const law = jitedLengthHeaderAndChunksAgree;
  expect(brokenBy(law, shrinkHeader, CALLER)).toBe(`${law.name} at step 2`);
});
