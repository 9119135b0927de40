import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Ended } from './in-process.ts';

/** The project's folder. */
export const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

const BIN = fileURLToPath(new URL('../../bin/roxcheck.js', import.meta.url));

/** Runs the built command as its own process. `atFirstOutput` is called once, when it has printed something. */
export function spawnRoxcheck(
  words: readonly string[],
  options: { readonly folder?: string; readonly atFirstOutput?: (child: ReturnType<typeof spawn>) => void } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, ...words], { cwd: options.folder ?? PROJECT });
  const printed = { out: '', err: '' };
  child.stdout.on('data', (data) => {
    if (printed.out === '') options.atFirstOutput?.(child);
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

/** Runs a line of bash in which `roxcheck` is the built command. */
export function bash(line: string, folder = PROJECT): Promise<Ended> {
  const child = spawn('bash', ['-c', `roxcheck() { "${process.execPath}" "${BIN}" "$@"; }; ${line}`], { cwd: folder });
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
