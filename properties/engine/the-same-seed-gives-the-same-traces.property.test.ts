import { expect, test } from 'vitest';
import { runSuite } from '../../src/engine/run.ts';
import { stepText } from '../../src/engine/step-text.ts';
import { walk } from './toy/run.ts';
import { toySuite } from './toy/suite.ts';

const textOf = (seed: string) => walk(seed).steps.map(stepText).join('\n');

test('a seed generates the same steps each time, and other seeds others', () => {
  const texts = Array.from({ length: 50 }, (_, number) => textOf(`seed ${number}`));
  for (const [number, text] of texts.entries()) expect(textOf(`seed ${number}`)).toBe(text);
  expect(new Set(texts).size).toBe(texts.length);
});

test('a run ends in the same report, whatever time it yields at', async () => {
  const options = { kernel: 'toy', machine: {}, seed: 'demo', runs: 40, steps: 100, fault: 'leak-after-2-cycles' };
  const plain = await runSuite(toySuite(), options);
  let time = 0;
  const hasty = await runSuite(toySuite(), { ...options, now: () => (time += 60) });
  expect(plain.verdict).toBe('violates');
  expect(hasty).toEqual(plain);
});

test('a numbered run is the same trace whichever runs came before it', async () => {
  const failing: number[] = [];
  for (let runs = 1; runs <= 30; runs++) {
    const options = { kernel: 'toy', machine: {}, seed: 'lanes', runs, steps: 60, fault: 'leak-after-2-cycles' };
    const { failure } = await runSuite(toySuite(), options);
    if (failure !== undefined) failing.push(failure.run);
  }
  expect(failing.length).toBeGreaterThan(0);
  expect(new Set(failing).size).toBe(1);
});
