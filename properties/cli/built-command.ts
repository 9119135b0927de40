import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Ended } from './in-process.ts';

/** The project's folder. */
export const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

const BIN = fileURLToPath(new URL('../../bin/roxcheck.js', import.meta.url));

/** The environment without anybody's taste in colours. */
const NEUTRAL = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => name !== 'NO_COLOR' && name !== 'FORCE_COLOR'),
);

/**
 * Runs the built command as its own process. `atFirstOutput` is called once, when it has printed something, `atStart` as soon
 * as it runs.
 */
export function spawnRoxcheck(
  words: readonly string[],
  options: {
    readonly folder?: string;
    readonly atFirstOutput?: (child: ChildProcess) => void;
    readonly atStart?: (child: ChildProcess) => void;
  } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, ...words], { cwd: options.folder ?? PROJECT, env: NEUTRAL });
  if (options.atFirstOutput !== undefined) child.stdout.once('data', () => options.atFirstOutput?.(child));
  options.atStart?.(child);
  return ended(child);
}

/** Runs a line of bash in which `roxcheck` is the built command. */
export function bash(line: string, folder = PROJECT): Promise<Ended> {
  const define = `roxcheck() { "${process.execPath}" "${BIN}" "$@"; }`;
  return ended(spawn('bash', ['-c', `${define}; ${line}`], { cwd: folder, env: NEUTRAL }));
}

function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const printed = { out: '', err: '' };
  child.stdout.on('data', (data) => {
    printed.out += data;
  });
  child.stderr.on('data', (data) => {
    printed.err += data;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ exitCode: code ?? -1, ...printed }));
  });
}
