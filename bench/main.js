/**
 * Measures roxcheck against its peer, fast-check's commands, and against itself: `npm run bench`. `-- --quick` measures less,
 * `-- --json` prints one JSON document on one line instead of tables. Figures are ratios within one process, medians of
 * interleaved rounds, counts, and the speeds at which programs and arena steps run on the machine at hand. The bench is in
 * TypeScript like the rest, so it is built first.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('tsconfig.json', import.meta.url));
const compiler = fileURLToPath(import.meta.resolve('typescript/package.json')).replace('package.json', 'bin/tsc');
execFileSync(process.execPath, [compiler, '-p', project], { stdio: 'inherit' });
const { measureEverything } = await import('./built/bench/report.js');
const asked = process.argv.slice(2);
measureEverything({ quick: asked.includes('--quick'), json: asked.includes('--json') });
