/**
 * Measures roxcheck against its peer, fast-check's commands, and against itself: `npm run bench`. Prints a table and then one
 * JSON document. Figures are ratios within one process, medians of interleaved rounds, or counts; a machine's speed is in
 * none of them. The bench is written in TypeScript like the rest, so it is built first.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('tsconfig.json', import.meta.url));
const compiler = fileURLToPath(import.meta.resolve('typescript/package.json')).replace('package.json', 'bin/tsc');
execFileSync(process.execPath, [compiler, '-p', project], { stdio: 'inherit' });
const { measureEverything } = await import('./built/bench/report.js');
measureEverything(process.argv.includes('--quick') ? 3 : 11);
