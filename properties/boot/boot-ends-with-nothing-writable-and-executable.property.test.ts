import { describe, expect, test } from 'vitest';
import { bootWorld, earlyWorld } from '../../src/lab/boot-world.ts';
import { InputError } from '../../src/language/input-error.ts';
import { isExecutable, isWritable } from '../../src/model/machine/page-table-entry.ts';

const machines = [
  {},
  { levels: '5' },
  { gbpages: 'off' },
  { pse: 'off', memory: '128' },
  { cpus: '8', memory: '64', module_offset: '1024' },
];

describe.each(machines)('on a machine with %j', (settings) => {
  const leavesOf = (boot: typeof bootWorld) => [...boot('6.18', settings).machine.kernelTables.leaves()];
  const both = ({ flags }: { flags: number }) => isWritable(flags) && isExecutable(flags);

  test('the image is writable and executable before, and nothing is after', () => {
    expect(leavesOf(earlyWorld).filter(both).length).toBeGreaterThan(0);
    expect(leavesOf(bootWorld).filter(both)).toEqual([]);
  });

  test('executable memory is the kernel text alone', () => {
    const { image } = bootWorld('6.18', settings);
    const executable = leavesOf(bootWorld).filter(({ flags }) => isExecutable(flags));
    expect(executable.length).toBeGreaterThan(0);
    for (const { firstPage, level } of executable) {
      expect(firstPage).toBeGreaterThanOrEqual(image.text.first);
      expect(firstPage + 512 ** (level - 1)).toBeLessThanOrEqual(image.text.end);
    }
  });

  test('every frame stands once in the direct map', () => {
    const { directMap, configuration } = bootWorld('6.18', settings);
    const leaves = leavesOf(bootWorld).filter(({ firstPage }) => directMap.has(firstPage));
    const frames = leaves.reduce((sum, { level }) => sum + 512 ** (level - 1), 0);
    expect(frames).toBe(configuration.frames);
    for (const { firstPage, frame } of leaves) expect(directMap.frameOf(firstPage)).toBe(frame);
  });
});

test("unknown kernels, settings and values are the user's mistakes", () => {
  expect(() => bootWorld('2.6')).toThrow(InputError);
  expect(() => bootWorld('6.18', { cores: '2' })).toThrow(/unknown machine setting cores/);
  expect(() => bootWorld('6.18', { levels: '3' })).toThrow(/levels is 4 or 5/);
  expect(() => bootWorld('6.18', { memory: '65' })).toThrow(/even number of MiB/);
});
