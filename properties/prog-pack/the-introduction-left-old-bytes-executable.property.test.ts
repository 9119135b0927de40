import { expect, test } from 'vitest';
import { performTrace } from '../../src/engine/perform.ts';
import { freeTextIsTrapFilled } from '../../src/invariants/free-text-is-trap-filled.ts';
import { freedFramesAreOrdinaryMemory } from '../../src/invariants/freed-frames-are-ordinary-memory.ts';
import { progPackSuite } from '../../src/lab/suites/prog-pack.ts';
import { progPackIntroductionSuite } from '../../src/lab/suites/prog-pack-introduction.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { freshWorld, textBytes } from './text-state.ts';

test('a program freed from the first proposal’s packs can still be run; from today’s it is traps', () => {
  for (const [kernel, left] of [
    ['prog-pack-first', 0x90],
    ['6.18', 0xcc],
  ] as const) {
    const world = freshWorld(kernel);
    const { binaries } = world.text;
    const [binary] = [100, 100].map((length) => {
      const one = binaries.allocate({ length, align: 4, random: 0, capable: true, cpu: 0 })!;
      binaries.emit(one, 0, new Uint8Array(length).fill(0x90));
      binaries.finalize(one, 0);
      return one;
    });
    binaries.release(binary!, 0);
    expect(textBytes(world, binary!.image, 100)).toEqual(new Uint8Array(100).fill(left));
  }
});

test('the first proposal leaves freed frames read-only in the direct map, because the reset was asked of the descriptor', () => {
  const suite = { ...progPackIntroductionSuite, invariants: [freedFramesAreOrdinaryMemory], kernelBugs: [] };
  const text = 'prog1 = bpf_jit_binary_pack_alloc(length: 40)\nbpf_jit_binary_pack_free(prog1)\n';
  const trace = parseTrace(`suite: ${suite.name}\nkernel: prog-pack-first\n\n${text}`, [suite]);
  expect(performTrace(suite, trace).kind).toBe('violates');
  const today = parseTrace(`suite: prog-pack\n\n${text}`, [progPackSuite]);
  const laws = { ...progPackSuite, invariants: [freedFramesAreOrdinaryMemory, freeTextIsTrapFilled] };
  expect(performTrace(laws, today).kind).toBe('holds');
});
