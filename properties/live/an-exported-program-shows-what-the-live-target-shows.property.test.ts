import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { performTrace } from '../../src/engine/perform.ts';
import { arenaSuite } from '../../src/lab/suites/arena.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { arenaTraceAsC } from '../../src/targets/c/arena-trace.ts';
import { ArenaTarget } from '../../src/targets/live/arena-target.ts';
import { openArenaTools } from '../../src/targets/live/arena-tools.ts';
import { thingOf } from '../../src/targets/live/facility.ts';
import { benchFor } from '../../src/targets/live/lock-step-bench.ts';
import { emptyFolder } from '../cli/in-process.ts';
import { isMissing, reachedKernel } from './reached-kernel.ts';

const CORPUS = fileURLToPath(new URL('../../corpus/kernel-bugs/6.18', import.meta.url));
const TRACES = [
  'load-acquire-keeps-its-register',
  'reserved-slot-fault',
  'failed-fixed-mapping-unmaps',
  'freeze-stays-busy',
];
/** These traces have one process. */
const NO_PEERS = new URL('file:///nobody');
const kernel = await reachedKernel();
const tools = openArenaTools(kernel);
const target = thingOf(tools) === undefined ? undefined : new ArenaTarget(thingOf(tools)!, NO_PEERS);
afterAll(() => target?.close());
const isUnreachable = isMissing('running exported programs', tools);

const COMPILER = process.env.CC ?? 'gcc';
const hasCompiler = spawnSync(COMPILER, ['--version']).status === 0;
if (!hasCompiler) console.log(`skipped, exported programs: there is no ${COMPILER}`);

/** Without what is expected on the model: that needs the names of its kernel bugs. */
const textOf = (name: string): string =>
  readFileSync(join(CORPUS, `${name}.trace`), 'utf8').replace(/^expect: .*\n/m, '');
const load = (name: string) => parseTrace(textOf(name), [arenaSuite]);

test.skipIf(!hasCompiler).each(TRACES)('%s as a C program', (name) => {
  const program = join(emptyFolder(), 'trace');
  const text = arenaTraceAsC(arenaSuite, load(name), { kernel: '6.18' });
  const compiled = spawnSync(COMPILER, ['-Wall', '-Wextra', '-Werror', '-o', program, '-x', 'c', '-'], { input: text });
  expect(compiled.stderr.toString()).toBe('');
  expect(compiled.status).toBe(0);
  if (isUnreachable) return;
  // The same trace in lock-step: an exported program and the live target agree about whether this kernel is as the model.
  const { suite, machine } = benchFor(arenaSuite, target!, {
    release: kernel.release,
    allowedHazards: [],
    drawn: false,
  });
  const live = performTrace(suite, parseTrace(textOf(name), [suite]), { kernel: '6.18', machine });
  const ran = spawnSync(program, { encoding: 'utf8' });
  expect(ran.stdout).toMatch(/^KTAP version 1\n1\.\.\d+\n/);
  expect(ran.stdout).toMatch(live.kind === 'holds' ? /^# PASS: 0 of \d+ steps differ$/m : /^# FAIL/m);
  expect(ran.status).toBe(live.kind === 'holds' ? 0 : 1);
});

test('a program that expects something else fails, and says what it got', () => {
  if (!hasCompiler || isUnreachable) return;
  const program = join(emptyFolder(), 'trace');
  const text = arenaTraceAsC(arenaSuite, load('freeze-stays-busy'), { kernel: '6.18' }).replace('-EBUSY', '-EPERM');
  expect(spawnSync(COMPILER, ['-o', program, '-x', 'c', '-'], { input: text }).status).toBe(0);
  const ran = spawnSync(program, { encoding: 'utf8' });
  expect(ran.stdout).toMatch(/^not ok 5 map_freeze\(arena1\)\n# expected .*\(-1\), got .*\(-16\)$/m);
  expect(ran.status).toBe(1);
});

test('in the shape of a selftest it has a test function and no main', () => {
  const text = arenaTraceAsC(arenaSuite, load('freeze-stays-busy'), { kernel: '6.18', selftest: 'freeze_stays_busy' });
  expect(text).toContain('void test_freeze_stays_busy(void)');
  expect(text).toContain('ASSERT_EQ');
  expect(text).not.toContain('int main');
});
