#!/usr/bin/env node
/**
 * The command `roxcheck`. In a clone that was never built it builds first, so that `npx roxcheck` works right after
 * `npm ci`; a published package always holds the built files.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const entry = join(project, 'dist', 'cli', 'main.js');

if (!existsSync(entry) && !build()) process.exit(2);
const { main } = await import(pathToFileURL(entry).href);
process.exitCode = await main(process.argv.slice(2));

/** Compiles the sources with the project's own TypeScript; false when that failed, and why has been said. */
function build() {
  const compiler = findCompiler();
  if (compiler === undefined) {
    process.stderr.write(`roxcheck is not built and TypeScript is not installed; run "npm ci" in ${project} first\n`);
    return false;
  }
  process.stderr.write('roxcheck: building for the first time\n');
  const built = spawnSync(process.execPath, [compiler, '-p', join(project, 'tsconfig.build.json')], {
    cwd: project,
    stdio: ['ignore', 2, 2],
  });
  return built.status === 0;
}

/** Where the compiler's script lies, if it is installed. */
function findCompiler() {
  try {
    const require = createRequire(import.meta.url);
    const manifest = require.resolve('typescript/package.json');
    return join(dirname(manifest), require(manifest).bin.tsc);
  } catch {
    return undefined;
  }
}
