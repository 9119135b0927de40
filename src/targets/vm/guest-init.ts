import { spawn } from 'node:child_process';
import { createReadStream, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { release } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { BLACK_BOX_VARIABLE } from '../live/black-box.ts';
import { Libc } from '../live/libc.ts';
import { BLACK_BOX_DEVICE, LINK_DEVICE } from './emulator.ts';
import { GUEST_NODE, GUEST_PROGRAM } from './guest-files.ts';
import { type GuestJob, type GuestMessage, JOB_FILE, messageLine, STOP_LINE } from './guest-link.ts';

/**
 * The first process of a guest: mounts what everybody expects, has the verb done by a process of its own, passes on what that prints
 * and leaves, and resets the machine. What goes wrong here lands on the console, and the guest ends without a word on the link.
 */
export async function actAsInit(): Promise<never> {
  if (process.pid !== 1) throw new Error('this is for the first process of a guest');
  const libc = await Libc.open();
  if (typeof libc === 'string') throw new Error(libc);
  try {
    await serve(libc);
  } catch (error) {
    console.error(error);
  }
  return reset(libc);
}

async function serve(libc: Libc): Promise<void> {
  for (const [type, place] of MOUNTS) mount(libc, type, place);
  const link = openSync(LINK_DEVICE, 'r+');
  const tell = (message: GuestMessage) => writeWhole(link, messageLine(message));
  for (const [setting, value] of SETTINGS) trySetting(setting, value);
  const job = JSON.parse(readFileSync(JOB_FILE, 'utf8')) as GuestJob;
  setTimeout(() => reset(libc), job.patience);
  tell({ kind: 'hello', release: release() });
  const before = filesBelow(job.folder);
  const ended = await perform(job, tell);
  for (const [path, stamp] of filesBelow(job.folder)) {
    if (before.get(path) === stamp) continue;
    tell({ kind: 'file', path, content: readFileSync(join(job.folder, path)).toString('base64') });
  }
  tell({ kind: 'end', ...ended });
  // A reset does not wait for what is still on its way to the port: tcdrain(3).
  libc.syscall(SYS_IOCTL, link, TCSBRK, 1);
}

interface Ended {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

function perform({ words, folder, colour }: GuestJob, tell: (message: GuestMessage) => void): Promise<Ended> {
  const child = spawn(GUEST_NODE, [GUEST_PROGRAM, ...words], {
    cwd: folder,
    env: {
      PATH: '/bin',
      HOME: '/tmp',
      ...blackBox(),
      ...(colour ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => tell({ kind: 'out', text }));
  child.stderr.setEncoding('utf8').on('data', (text: string) => tell({ kind: 'err', text }));
  createInterface({ input: createReadStream(LINK_DEVICE) }).on('line', (line) => {
    if (line.trim() === STOP_LINE.trim()) child.kill('SIGINT');
  });
  return new Promise((resolve) => child.on('close', (exitCode, signal) => resolve({ exitCode, signal })));
}

/** Says where the black box is: memory of a PCI device, without which there is none. */
function blackBox(): NodeJS.ProcessEnv {
  const idOf = (device: string, file: string) => Number(readFileSync(join(PCI_DEVICES, device, file), 'latin1'));
  const found = readdirSync(PCI_DEVICES).find(
    (device) =>
      idOf(device, 'vendor') === BLACK_BOX_DEVICE.vendor && idOf(device, 'device') === BLACK_BOX_DEVICE.device,
  );
  if (found === undefined) return {};
  writeFileSync(join(PCI_DEVICES, found, 'enable'), '1');
  return { [BLACK_BOX_VARIABLE]: join(PCI_DEVICES, found, BLACK_BOX_DEVICE.resource) };
}

/** Files by their paths from a folder, each with what changes when it is written. */
function filesBelow(folder: string): ReadonlyMap<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).toSorted();
  return new Map(
    paths.map((path) => {
      const { size, mtimeMs } = statSync(path);
      return [relative(folder, path), `${size} ${mtimeMs}`];
    }),
  );
}

/** mount(2) without flags. */
function mount(libc: Libc, type: string, place: string): void {
  const memory = libc.allocate(4096);
  memory.bytes.set(Buffer.from(`${type}\0`), 0);
  memory.bytes.set(Buffer.from(`${place}\0`), 64);
  const mounted = libc.callAt(SYS_MOUNT, [memory.address, memory.address + 64, memory.address, 0, 0, 0]);
  // The kernel may have mounted the devices already (CONFIG_DEVTMPFS_MOUNT).
  if (mounted < 0 && mounted !== -EBUSY) throw new Error(`${type} cannot be mounted: errno ${-mounted}`);
}

/** A kernel that lacks the setting needs none. */
function trySetting(setting: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${setting}`, value);
  } catch {
    console.error(`${setting} cannot be set`);
  }
}

function writeWhole(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** Ends the emulator, which is told to end at a reset. */
function reset(libc: Libc): never {
  libc.callAt(SYS_REBOOT, [REBOOT_MAGIC_1, REBOOT_MAGIC_2, REBOOT_RESTART, 0, 0, 0]);
  throw new Error('the machine does not reset');
}

const MOUNTS = [
  ['proc', '/proc'],
  ['sysfs', '/sys'],
  ['devtmpfs', '/dev'],
  ['tmpfs', '/tmp'],
] as const;
/** What a look at a kernel needs; the guest is nobody else's. */
const SETTINGS = [
  ['kernel/kptr_restrict', '0'],
  ['kernel/perf_event_paranoid', '-1'],
] as const;

const PCI_DEVICES = '/sys/bus/pci/devices';
const SYS_IOCTL = 16;
const TCSBRK = 0x5409;
const SYS_MOUNT = 165;
const SYS_REBOOT = 169;
const EBUSY = 16;
const REBOOT_MAGIC_1 = 0xfee1_dead;
const REBOOT_MAGIC_2 = 0x2812_1969;
const REBOOT_RESTART = 0x0123_4567;
