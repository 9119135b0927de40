import { describe, expect, test } from 'vitest';
import { Random } from '../../src/base/seed.ts';
import { readJitMeta } from '../../src/conform/jit-record.ts';
import { performJitRecording } from '../../src/conform/jit-recording.ts';
import { readCircumstances } from '../../src/targets/live/circumstances.ts';
import { drawProgram } from '../../src/targets/live/drawn-program.ts';
import { thingOf } from '../../src/targets/live/facility.ts';
import { JitObserver } from '../../src/targets/live/jit-observer.ts';
import { isMissing, reachedKernel } from './reached-kernel.ts';

const kernel = await reachedKernel();
const observer = JitObserver.open(kernel);
const isBlinded = readCircumstances().jitHarden !== 0;
if (isBlinded) console.log('skipped, JIT: net.core.bpf_jit_harden is not 0');

describe.skipIf(isMissing('JIT', observer) || isBlinded)('on the running kernel', () => {
  const live = thingOf(observer)!;
  const companion = readJitMeta(live.companion, 'the running kernel');
  const lines = Array.from({ length: 60 }, (_, index) => {
    const line = live.observe(`live/${index}`, drawProgram(new Random(`code/${index}`), 30));
    if (typeof line === 'string') throw new Error(line);
    return line;
  });

  test('every byte of code and every result of drawn programs is as on the model', () => {
    const { cases, firstFailures } = performJitRecording(lines, companion);
    expect(firstFailures).toEqual([]);
    expect(cases).toBe(lines.length);
  });

  test('a wrong byte, a wrong result and another machine would be noticed', () => {
    const [line] = lines as [{ readonly jited: string; readonly ret: number }];
    const fields = (wrong: object) =>
      performJitRecording([{ ...line, ...wrong }], companion).firstFailures.map(({ field }) => field);
    expect(fields({ jited: line.jited.replace(/..$/, '90') })).toEqual(['jited']);
    expect(fields({ ret: (line.ret ^ 1) >>> 0 })).toEqual(['ret (interpreter)']);
    const noShifts = performJitRecording(lines, companion, (machine) => ({ ...machine, bmi2: false }));
    expect(noShifts.failed).toBeGreaterThan(5);
  });
});
