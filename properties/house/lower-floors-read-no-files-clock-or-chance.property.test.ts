import { expect, test } from 'vitest';
import { sources, withoutComments } from './sources.ts';

/** Rooms that may touch the world outside: files, processes, the clock, chance, the terminal. */
const OUTER_ROOMS = ['cli/', 'report/', 'targets/'];

const FORBIDDEN: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a node module that is not pure', /from 'node:(?!util')/],
  ['the clock', /\b(?:new Date|Date\.now|performance\.|process\.hrtime|setTimeout|setInterval)\b/],
  ['chance', /\bMath\.random\b|\bcrypto\./],
  // A process of the modelled kernel may be called so too: what counts is what only Node's own has.
  [
    'the process',
    /\bprocess\.(?:argv|cwd|emit|env|exit|hrtime|kill|memoryUsage|nextTick|on|once|pid|platform|std\w+|version)\b/,
  ],
  ['the terminal', /\bconsole\./],
];

test('below the outer rooms nothing reads files, the clock or chance', () => {
  const inner = sources().filter(
    ({ path }) => path !== 'roxcheck.ts' && !OUTER_ROOMS.some((room) => path.startsWith(room)),
  );
  expect(inner.length).toBeGreaterThan(30);
  const uses = inner.flatMap(({ path, text }) => {
    const code = withoutComments(text);
    return FORBIDDEN.filter(([, pattern]) => pattern.test(code)).map(([what]) => `${path} uses ${what}`);
  });
  expect(uses).toEqual([]);
});

test('only the live target calls foreign code', () => {
  const callers = sources().filter(({ imports }) => imports.includes('koffi'));
  expect(callers.filter(({ path }) => !path.startsWith('targets/live/')).map(({ path }) => path)).toEqual([]);
});
