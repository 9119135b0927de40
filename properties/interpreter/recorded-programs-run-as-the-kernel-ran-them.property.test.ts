import { describe, expect, it } from 'vitest';
import { compileRecorded } from '../../src/conform/jit-code.ts';
import { readJitRecord } from '../../src/conform/jit-record.ts';
import { packetLayout } from '../../src/conform/jit-recorded-filter.ts';
import { recordedMachine } from '../../src/conform/jit-recorded-machine.ts';
import { JitRuns } from '../../src/conform/jit-run.ts';
import { readRecording } from '../jit/recordings.ts';

describe('recorded programs', () => {
  it.each(['kernels/jit-6.1.192-its.jsonl.gz', 'kernels/jit-7.3.4-calldepth.jsonl.gz'])(
    'return and write the same in the kernel, the interpreter and the CPU: %s',
    (name) => {
      const { lines, meta } = readRecording(name);
      const runs = new JitRuns(packetLayout(meta));
      const verdicts = lines.map((line, index) => {
        const record = readJitRecord(line, index + 1);
        const machine = recordedMachine(record, meta);
        const compiled = compileRecorded(record, meta, machine);
        const callback = compiled.kind === 'compiled' ? compiled.functions[record.funcs.length]?.code : undefined;
        return { name: record.name, ...runs.judge(record, machine, callback) };
      });
      expect(verdicts.filter(({ kind }) => kind === 'different')).toEqual([]);
      const equal = verdicts.filter(({ kind }) => kind === 'equal').length;
      // These recordings are samples that hold more of the rare programs, with kernel objects, than of arithmetic.
      expect(equal).toBeGreaterThan(0.85 * lines.length);
      const reasons = new Map<string, number>();
      for (const verdict of verdicts) {
        if (verdict.kind === 'not-comparable') reasons.set(verdict.reason, (reasons.get(verdict.reason) ?? 0) + 1);
      }
      console.log(`${equal} of ${lines.length} in ${name} ran alike; not comparable:`, Object.fromEntries(reasons));
    },
  );
});
