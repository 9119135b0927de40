import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../language/input-error.ts';
import { orExplain } from './files.ts';

/**
 * One campaign in a folder at a time. The lock names its process by number and start time, so that one whose holder was
 * killed is known to be stale, even when the number is in use again.
 */
export class CampaignLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Throws an InputError while another campaign works in the folder. */
  static take(folder: string): CampaignLock {
    const path = join(folder, 'campaign.lock');
    for (let attempt = 0; attempt < 3; attempt++) {
      if (create(path)) return new CampaignLock(path);
      const holder = readHolder(path);
      if (holder !== undefined && isAlive(holder)) {
        throw new InputError(
          `another campaign works in this folder (process ${holder.process}); wait for it or choose another folder with --save`,
        );
      }
      orExplain('cannot be replaced', () => rmSync(path, { force: true }));
    }
    throw new InputError('other campaigns keep taking this folder; choose another one with --save');
  }

  release(): void {
    rmSync(this.#path, { force: true });
  }
}

interface Holder {
  readonly process: number;
  readonly started: string;
}

function create(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    return orExplain('cannot be made', () => {
      throw error;
    });
  }
  try {
    orExplain('cannot be written', () => writeSync(file, `${process.pid} ${startOf(process.pid)}\n`));
  } finally {
    closeSync(file);
  }
  return true;
}

function readHolder(path: string): Holder | undefined {
  try {
    const [, pid, started] = /^(\d+) (.*)\n/.exec(readFileSync(path, 'utf8')) ?? [];
    return pid === undefined ? undefined : { process: Number(pid), started: started! };
  } catch {
    return undefined;
  }
}

function isAlive({ process: pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return startOf(pid) === started;
}

/** When a process began, as Linux tells it (proc(5), the 22nd field of stat); a dash where that cannot be known. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
  } catch {
    return '-';
  }
}
