import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../language/input-error.ts';

/**
 * Files as commands use them. Whatever the system refuses becomes one InputError that says what and why; nothing is ever
 * written over, and a reader never sees half a file. Paths are absolute here: callers know what the user called them, and
 * name the file in the error ({@link inFile}).
 */

/** Does something with a file; a mistake found there is a mistake in the file that the user calls so. */
export function inFile<Result>(shown: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw error instanceof InputError ? error.in(shown) : error;
  }
}

/** The bytes of a file. */
export function readBytes(path: string): Buffer {
  return orExplain('cannot be read', () => readFileSync(path));
}

/** The text of a file, which has to be UTF-8. */
export function readText(path: string): string {
  const bytes = readBytes(path);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return explainBadText(bytes);
  }
}

/** The traces that a path stands for: itself, or every `.trace` file below the folder, in the order of their names. */
export function tracePaths(path: string): readonly string[] {
  const isFolder = orExplain('cannot be read', () => statSync(path).isDirectory());
  if (!isFolder) return [path];
  const entries = orExplain('cannot be read', () => readdirSync(path, { recursive: true, withFileTypes: true }));
  const traces = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.trace'));
  return traces.map((entry) => join(entry.parentPath, entry.name)).sort();
}

/** Names below a folder that end so, in their order; the empty name for a path that is such a file itself. */
export function filesIn(path: string, ending: string): readonly string[] {
  const folder = orExplain('cannot be read', () => statSync(path).isDirectory());
  if (!folder) return [''];
  const names = orExplain('cannot be read', () => readdirSync(path, { recursive: true, encoding: 'utf8' }));
  return names.filter((name) => name.endsWith(ending)).sort();
}

export function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Writes a new file into a folder, which is made when it is missing. A taken name gets a number. Answers with the path. */
export function saveNew(folder: string, name: string, extension: string, text: string): string {
  return orExplain('cannot be saved', () => {
    makeFolder(folder);
    return throughTemporary(folder, name, text, (temporary) => {
      for (let number = 1; ; number++) {
        const path = join(folder, number === 1 ? `${name}${extension}` : `${name}-${number}${extension}`);
        if (claim(temporary, path)) return path;
      }
    });
  });
}

/** The same, unless a file under one of these names holds the text already: then that is the one. */
export function saveOnce(folder: string, name: string, extension: string, text: string): string {
  for (let number = 1; ; number++) {
    const path = join(folder, number === 1 ? `${name}${extension}` : `${name}-${number}${extension}`);
    if (!exists(path)) return saveNew(folder, name, extension, text);
    if (readText(path) === text) return path;
  }
}

/** Writes a file at exactly this path; one that stands there already is replaced only when the new one is complete. */
export function saveAs(path: string, text: string): void {
  const folder = dirname(path);
  orExplain('cannot be saved', () => {
    // A device or a pipe cannot be replaced by a file.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) return writeFileSync(path, text);
    makeFolder(folder);
    return throughTemporary(folder, basename(path), text, (temporary) => renameSync(temporary, path));
  });
}

/** Writes the text where nobody looks, lets `publish` give it its name, and leaves nothing behind when that fails. */
function throughTemporary<Result>(
  folder: string,
  name: string,
  text: string,
  publish: (temporary: string) => Result,
): Result {
  const temporary = join(folder, `.${name}.${process.pid}.tmp`);
  try {
    const file = openSync(temporary, 'w');
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    return publish(temporary);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Gives the temporary file this name unless it is taken; a link, unlike a renaming, never replaces what is there. */
function claim(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    // Some file systems have no links.
    if (exists(path)) return false;
    renameSync(temporary, path);
    return true;
  }
}

/**
 * Makes a folder and those above it. Node's own recursive mkdir tries for ever where a folder that exists answers that it
 * does not, as /proc does.
 */
export function makeFolder(folder: string): void {
  if (isFolder(folder)) return;
  const above = dirname(folder);
  if (above !== folder) makeFolder(above);
  try {
    mkdirSync(folder);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !isFolder(folder)) throw error;
  }
}

export function orExplain<Result>(whatFailed: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    throw new InputError(`${whatFailed}: ${REASONS[code] ?? code}`);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'a file of that name is in the way',
  EFBIG: 'the file is too big',
  EISDIR: 'it is a folder',
  ELOOP: 'its links go in a circle',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full; free some space or choose another folder',
  ENOTDIR: 'a file stands where a folder should be',
  EPERM: 'the system does not permit it',
  EROFS: 'the file system is read-only',
};

/** The first bad byte is where decoding had to put its replacement character. */
function explainBadText(bytes: Buffer): never {
  const before = (bytes.toString('utf8').split('\ufffd', 1)[0] ?? '').split('\n');
  const place = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  throw new InputError('the file is not text: expected UTF-8', place);
}
