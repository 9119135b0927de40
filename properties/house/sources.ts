import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** A source file: its path below `src`, its text, and what it imports. */
export interface Source {
  readonly path: string;
  readonly text: string;
  /** Paths below `src` for our own files, `node:fs` and package names for others. */
  readonly imports: readonly string[];
}

/** Every file below `src`. */
export function sources(): readonly Source[] {
  const root = join(PROJECT, 'src');
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => {
      const whole = join(entry.parentPath, entry.name);
      const text = readFileSync(whole, 'utf8');
      const imports = [...text.matchAll(IMPORT)].map(([, from, called]) => {
        const name = from ?? called ?? '';
        return name.startsWith('.') ? relative(root, join(dirname(whole), name)) : name;
      });
      return { path: relative(root, whole), text, imports };
    })
    .sort((left, right) => (left.path < right.path ? -1 : 1));
}

/** `import ... from 'x'`, `export ... from 'x'`, `import 'x'` and `import('x')`. */
const IMPORT = /^\s*(?:(?:import|export)\b[^'";]*?from |import )'([^']+)'|import\('([^']+)'\)/gm;

/** The text without comments, for rules that speak of code. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}
