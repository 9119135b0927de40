import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { BLACK_BOX_BYTES, BLACK_BOX_VARIABLE, BlackBox, readBlackBox } from '../../src/targets/live/black-box.ts';
import { Libc } from '../../src/targets/live/libc.ts';
import { CpioArchive } from '../../src/targets/vm/cpio-archive.ts';
import { emulatorWords, releaseOfImage } from '../../src/targets/vm/emulator.ts';
import { guestArchive, packagesOf } from '../../src/targets/vm/guest-files.ts';
import { actAsInit } from '../../src/targets/vm/guest-init.ts';
import { type GuestMessage, MessageReader, messageLine } from '../../src/targets/vm/guest-link.ts';
import { readConsole } from '../../src/targets/vm/kernel-console.ts';
import { emptyFolder, roxcheck } from '../cli/in-process.ts';

/** Reads the newc form again: name, mode, numbers of the device and content of each entry. */
function entriesOf(archive: Buffer) {
  const entries = [];
  for (let at = 0; ; ) {
    expect(archive.toString('latin1', at, at + 6)).toBe('070701');
    const field = (index: number) =>
      Number.parseInt(archive.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const name = archive.toString('utf8', at + 110, at + 110 + field(11) - 1);
    const content = (at + 110 + field(11) + 3) & ~3;
    if (name === 'TRAILER!!!') return entries;
    entries.push({
      name,
      mode: field(1),
      device: [field(9), field(10)],
      content: archive.subarray(content, content + field(6)),
    });
    at = (content + field(6) + 3) & ~3;
  }
}

test('an archive holds what was put in, folders before what lies in them, each once', () => {
  const name = fc.stringMatching(/^[a-z.-]{1,9}$/).filter((text) => !/^\.+$/.test(text));
  const files = fc.uniqueArray(fc.record({ name, content: fc.uint8Array({ maxLength: 9 }) }), {
    selector: (file) => file.name,
  });
  fc.assert(
    fc.property(files, (wanted) => {
      const archive = new CpioArchive();
      for (const { name: file, content } of wanted) archive.file(`/one/two/${file}`, content);
      const entries = entriesOf(Buffer.concat(archive.parts()));
      expect(entries.map((entry) => entry.name)).toEqual([
        ...(wanted.length === 0 ? [] : ['one', 'one/two']),
        ...wanted.map((file) => `one/two/${file.name}`),
      ]);
      for (const { name: file, content } of wanted) {
        const entry = entries.find((one) => one.name === `one/two/${file}`)!;
        expect([entry.mode, [...entry.content]]).toEqual([0o100644, [...content]]);
      }
    }),
    { seed: 8, numRuns: 60 },
  );
});

const CPIO = 'cpio';
const hasCpio = spawnSync(CPIO, ['--version']).status === 0;
if (!hasCpio) console.log('skipped, an archive as cpio reads it: there is no cpio here');

test.skipIf(!hasCpio)('an archive is one for cpio(1)', () => {
  const archive = new CpioArchive();
  archive.characterDevice('/dev/console', 5, 1);
  archive.file('/bin/odd', Buffer.from('12345'), 0o755);
  const listed = execFileSync(CPIO, ['-tv', '--quiet'], { input: Buffer.concat(archive.parts()), encoding: 'utf8' });
  const lines = listed
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(/\s+/g, ' '));
  expect(lines).toEqual([
    expect.stringMatching(/^drwxr-xr-x 2 root root 0 .* dev$/),
    expect.stringMatching(/^crw------- 1 root root 5, 1 .* dev\/console$/),
    expect.stringMatching(/^drwxr-xr-x 2 root root 0 .* bin$/),
    expect.stringMatching(/^-rwxr-xr-x 1 root root 5 .* bin\/odd$/),
  ]);
});

/** A project with one package that needs another, which lies above, and one that is not installed. */
function smallProject(): string {
  const folder = emptyFolder();
  const put = (path: string, content: string) => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  put('app/package.json', '{ "dependencies": { "near": "1", "echarts": "1" } }');
  put('app/bin/roxcheck.js', 'run');
  put('app/dist/main.js', 'main');
  put('app/dist/main.d.ts', 'types');
  put(
    'app/node_modules/near/package.json',
    '{ "dependencies": { "far": "1" }, "optionalDependencies": { "never": "1" } }',
  );
  put('app/node_modules/near/node_modules/hidden/index.js', 'no');
  put('app/node_modules/echarts/package.json', '{}');
  put('node_modules/far/package.json', '{}');
  put('traces/one.trace', 'steps');
  return folder;
}

test('a guest gets this Node with its libraries, the project, the packages it needs and the files that are named', () => {
  const folder = smallProject();
  const project = join(folder, 'app');
  expect([...packagesOf(project).keys()]).toEqual(['near', 'far']);
  const job = { words: ['live'], folder: '/home', colour: false, patience: 1000 };
  const brought = new Map([['traces', join(folder, 'traces')]]);
  const entries = entriesOf(Buffer.concat(guestArchive({ project, job, brought }).parts()));
  const names = entries.map(({ name }) => name);
  for (const name of [
    'dev/console',
    'dev/null',
    'bin/node',
    'proc',
    'sys',
    'home/traces/one.trace',
    'roxcheck/bin/roxcheck.js',
    'roxcheck/dist/main.js',
    'roxcheck/node_modules/near/package.json',
    'roxcheck/node_modules/far/package.json',
    'init.mjs',
    'job.json',
  ]) {
    expect(names).toContain(name);
  }
  expect(names.filter((name) => /ld-linux|ld-musl|libc[.-]/.test(name)).length).toBeGreaterThanOrEqual(1);
  expect(names.filter((name) => /echarts|hidden|\.d\.ts|never/.test(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
  expect(JSON.parse(entries.find(({ name }) => name === 'job.json')!.content.toString())).toEqual(job);
});

test('the emulator is told of two serial ports, a black box, no reset, and what the kernel is to start', () => {
  const words = emulatorWords({
    kernel: '/boot/vmlinuz',
    initramfs: '/t/i.cpio',
    accelerator: 'tcg',
    cpu: 'max,la57=off',
    cpus: 1,
    memory: 512,
    mitigations: 'off',
    parameters: ['pti=off'],
    console: '/t/console.log',
    blackBox: '/t/box',
    init: ['/bin/node', '/init.mjs'],
  });
  const behind = (option: string) => words.flatMap((word, at) => (word === option ? [words[at + 1]] : []));
  expect(behind('-append')).toEqual([
    'console=ttyS0 loglevel=5 panic=-1 oops=panic mitigations=off pti=off rdinit=/bin/node -- /init.mjs',
  ]);
  expect(behind('-serial')).toEqual(['chardev:console', 'chardev:link']);
  expect(behind('-device')).toEqual(['ivshmem-plain,memdev=box']);
  expect(behind('-object')).toEqual(['memory-backend-file,id=box,share=on,mem-path=/t/box,size=4194304']);
  expect([...behind('-accel'), ...behind('-cpu'), ...behind('-smp'), ...behind('-m')]).toEqual([
    'tcg,thread=multi,tb-size=512',
    'max,la57=off',
    '1',
    '512',
  ]);
  expect(words).toContain('-no-reboot');
});

test('messages come through a line that echoes, adds carriage returns and cuts anywhere', () => {
  const messages: GuestMessage[] = [
    { kind: 'hello', release: '6.18.15' },
    { kind: 'out', text: 'two\nlines and \u2713\n' },
    { kind: 'end', exitCode: 1, signal: null },
  ];
  const sent = Buffer.from(`stop\r\n${messages.map(messageLine).join('noise\n').replaceAll('\n', '\r\n')}`);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: sent.length }), { maxLength: 9 }), (cuts) => {
      const ends = [...cuts.toSorted((one, other) => one - other), sent.length];
      const reader = new MessageReader();
      expect(ends.flatMap((end, at) => reader.read(sent.subarray(ends[at - 1] ?? 0, end)))).toEqual(messages);
    }),
    { seed: 8, numRuns: 60 },
  );
});

test('what is noted in a black box is read from its file, whatever happens to the one who noted', async () => {
  const libc = await Libc.open();
  if (typeof libc === 'string') {
    console.log(`skipped, a black box: ${libc}`);
    return;
  }
  const path = join(emptyFolder(), 'box');
  writeFileSync(path, Buffer.alloc(BLACK_BOX_BYTES));
  expect(BlackBox.open(libc)).toBeUndefined();
  process.env[BLACK_BOX_VARIABLE] = path;
  onTestFinished(() => void delete process.env[BLACK_BOX_VARIABLE]);
  const box = BlackBox.open(libc)!;
  expect(readBlackBox(readFileSync(path))).toBeUndefined();
  box.begin({ kind: 'second', why: '\u2713' });
  box.note(5, 4);
  expect(readBlackBox(readFileSync(path))).toEqual({
    attempt: { kind: 'second', why: '\u2713' },
    run: 5,
    performed: 4,
  });
  box.begin({ text: 'x'.repeat(BLACK_BOX_BYTES) });
  expect(readBlackBox(readFileSync(path))).toMatchObject({ attempt: { kind: 'second' } });
});

/** In the form that kernels print. */
const PANIC = `[    1.310908] mtrr: your CPUs had inconsistent fixed MTRR settings\r
[   14.002001] BUG: unable to handle page fault for address: 0000000000001e08\r
[   14.002340] #PF: supervisor read access in kernel mode\r
[   14.010001] Oops: Oops: 0000 [#1] SMP NOPTI\r
[   14.020001] Kernel panic - not syncing: Fatal exception\r
[   14.020101] Rebooting in 1 seconds..\r
`;

/** As 6.18.15 printed it in a guest on a busy host, shortened. */
const WARNING = `[  143.476756] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\r
[  143.491008] rcu: \t(detected by 0, t=5252 jiffies, g=765, q=5 ncpus=1)\r
[  223.097787] ------------[ cut here ]------------\r
[  223.098459] WARNING: CPU: 0 PID: 157 at kernel/bpf/arena.c:342 arena_get_unmapped_area+0xd9/0xf0\r
[  223.117508] RIP: 0010:arena_get_unmapped_area+0xd9/0xf0\r
[  227.578200] reboot: Restarting system\r
`;

test('a console tells where harm begins, and whether the kernel gave up', () => {
  const panic = readConsole(PANIC);
  expect(panic.panicked).toBe(true);
  expect(panic.harm).toBe('BUG: unable to handle page fault for address: 0000000000001e08');
  expect(panic.excerpt).toHaveLength(5);
  expect(readConsole(WARNING)).toMatchObject({
    panicked: false,
    harm: 'WARNING: CPU: 0 PID: 157 at kernel/bpf/arena.c:342 arena_get_unmapped_area+0xd9/0xf0',
  });
  const damaged = readConsole('[14569.344370] mm/pgtable-generic.c:55: bad pmd 0000000046b60ea4(ffffea0006949f00)\n');
  expect(damaged.harm).toMatch(/bad pmd/);
  expect(readConsole('[    0.1] Linux version 6.18\n')).toEqual({
    harm: undefined,
    panicked: false,
    excerpt: ['[    0.1] Linux version 6.18'],
  });
});

test('an image of a kernel tells its release; anything else is refused in words', async () => {
  const image = Buffer.alloc(0x600);
  image.write('HdrS', 0x202);
  image.writeUInt16LE(0x180, 0x20e);
  image.write('6.18.15-cloud (someone@host) #1 SMP\0', 0x380);
  expect(releaseOfImage(image)).toBe('6.18.15-cloud');
  expect(releaseOfImage(Buffer.alloc(4096))).toBeUndefined();
  expect(releaseOfImage(Buffer.alloc(3))).toBeUndefined();
  const folder = emptyFolder();
  writeFileSync(join(folder, 'text'), 'no kernel');
  const ended = await roxcheck('vm text -- live', { folder });
  expect([ended.exitCode, ended.err]).toEqual([
    2,
    expect.stringContaining('text: this is no kernel image for x86-64 (bzImage)'),
  ]);
  const missing = await roxcheck('vm nothing -- live', { folder });
  expect([missing.exitCode, missing.err]).toEqual([2, expect.stringContaining('nothing')]);
});

test('only the first process of a guest acts as one', async () => {
  await expect(actAsInit()).rejects.toThrow('first process');
});
