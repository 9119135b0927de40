import { expect, test } from 'vitest';
import { type Source, sources } from './sources.ts';

/** Which rooms a room may import from, beside itself. The public door (`roxcheck.ts`) may import from any. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  'model/machine': ['base'],
  'model/kernel': ['base', 'model/machine'],
  'model/bpf': ['base', 'model/machine', 'model/kernel'],
  model: ['base', 'model/machine', 'model/kernel', 'model/bpf'],
  language: ['base'],
  engine: ['base', 'language'],
  operations: ['base', 'model', 'language'],
  invariants: ['base', 'model', 'language'],
  faults: ['base', 'model', 'language'],
  lab: ['base', 'model', 'language', 'operations', 'invariants', 'faults', 'engine'],
  conform: ['base', 'model', 'language', 'lab'],
  compare: ['base', 'model', 'language', 'engine', 'lab', 'operations'],
  targets: ['base', 'model', 'language', 'operations', 'engine', 'lab'],
  report: ['base', 'model', 'language', 'engine', 'lab', 'targets', 'compare'],
  cli: ['base', 'model', 'language', 'engine', 'lab', 'conform', 'compare', 'targets', 'report'],
};

/** The room of a path: the longest one that it lies in. */
function roomOf(path: string): string | undefined {
  const rooms = Object.keys(MAY_IMPORT).filter((room) => path.startsWith(`${room}/`));
  return rooms.sort((left, right) => right.length - left.length)[0];
}

function trespasses({ path, imports }: Source): readonly string[] {
  const room = roomOf(path);
  if (room === undefined) return path === 'roxcheck.ts' ? [] : [`${path} stands in no room`];
  const allowed = MAY_IMPORT[room]!;
  return imports
    .filter((name) => name.endsWith('.ts'))
    .filter((name) => {
      const other = roomOf(name);
      return other !== room && !allowed.some((one) => other === one || other?.startsWith(`${one}/`));
    })
    .map((name) => `${path} imports ${name}`);
}

test('a file imports only from its own room and from the rooms below', () => {
  const all = sources();
  expect(all.length).toBeGreaterThan(50);
  expect(all.flatMap((source) => source.imports).length).toBeGreaterThan(all.length);
  expect(all.flatMap(trespasses)).toEqual([]);
});

test('the modelled machine runs no code of packages beyond the seed', () => {
  const allowed: Readonly<Record<string, readonly string[]>> = {
    base: ['seedrandom'],
    engine: ['fast-check'],
    conform: ['valibot'],
    cli: ['commander', 'picocolors', 'tinypool', 'valibot'],
    report: ['echarts', 'picocolors', 'iced-x86'],
    targets: ['koffi', 'iced-x86', 'valibot'],
  };
  const foreign = sources().flatMap(({ path, imports }) =>
    imports
      .filter((name) => !name.endsWith('.ts') && !name.startsWith('node:'))
      .filter((name) => !allowed[path.split('/')[0] ?? '']?.includes(name))
      .map((name) => `${path} imports ${name}`),
  );
  expect(foreign).toEqual([]);
});

test('no two files import each other, however indirectly', () => {
  const graph = new Map(sources().map(({ path, text }) => [path, valueImports(path, text)]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, above: readonly string[]): void => {
    if (above.includes(path)) circles.push([...above.slice(above.indexOf(path)), path].join(' > '));
    if (above.includes(path) || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...above, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  expect(circles).toEqual([]);
});

/** Imports that exist at run time; types may refer to each other. */
function valueImports(path: string, text: string): readonly string[] {
  const withoutTypes = text.replace(/^(?:import|export) type [^;]*;$/gm, '');
  const names = [...withoutTypes.matchAll(/from '(\.[^']+)'/g)].map(([, name]) => name!);
  return names.map((name) => new URL(name, `file:///${path}`).pathname.slice(1));
}
