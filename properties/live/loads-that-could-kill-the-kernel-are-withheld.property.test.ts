import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { loadOfCase } from '../../src/cli/core-case-load.ts';
import { CoreCase, type CoreInput } from '../../src/conform/core-case.ts';
import { BtfBuilder } from '../../src/model/bpf/btf/build.ts';
import { RECORD_BYTES, writeRecord } from '../../src/model/bpf/btf/core-record.ts';
import { parseBtf } from '../../src/model/bpf/btf/parse.ts';
import type { CoreLoad } from '../../src/targets/live/core/core-load.ts';
import { reasonToWithhold } from '../../src/targets/live/core/core-load-hazards.ts';
import { goldenLines } from '../core-relocation/golden-files.ts';

const RELEASE = '6.18.44';
const ABOUT_TYPES = new Set([7, 8, 9, 12]);
const ODD = new Set(['float', 'func', 'var', 'datasec', 'decl_tag']);

const lines = goldenLines('core-late-derived.jsonl.gz');

describe.skipIf(lines === undefined)('of the recorded cases', () => {
  const cases = (lines ?? []).map((line) => ({ line, input: v.parse(CoreCase, line) }));
  const withheld = new Map(cases.map(({ input }) => [input.name, reasonToWithhold(loadOfCase(input), RELEASE)]));

  // Those are exactly the ones that the model does not survive: another test holds that.
  test('every one that an earlier recorder avoided is withheld', () => {
    const avoided = cases.filter(({ line }) => JSON.stringify(line.late).includes('this release crashes'));
    expect(avoided.length).toBeGreaterThan(10);
    for (const { input } of avoided) expect(withheld.get(input.name), input.name).toBeDefined();
  });

  test('every one with a type relocation whose root is of a kind that kills is withheld, whatever the kernel has', () => {
    const rooted = cases.filter(({ input }) => asksAboutOddRoot(input));
    expect(rooted.length).toBeGreaterThan(20);
    for (const { input } of rooted) expect(withheld.get(input.name), input.name).toBeDefined();
  });

  test('nearly all others are sent', () => {
    const sent = cases.filter(({ input }) => withheld.get(input.name) === undefined);
    expect(sent.length).toBeGreaterThan(0.9 * cases.length);
    console.log(`${sent.length} of ${cases.length} cases are sent; withheld: ${counts([...withheld.values()])}`);
  });
});

/** Written anew, so that it shares nothing with the filter but the reading of types. */
function asksAboutOddRoot(input: CoreInput): boolean {
  const types = parseBtf(Uint8Array.from(Buffer.from(input.btf, 'hex')));
  return input.relos.some(({ kind, type }) => ABOUT_TYPES.has(kind) && ODD.has(types.resolve(type)?.kind ?? ''));
}

function counts(reasons: readonly (string | undefined)[]): string {
  const known = new Map<string, number>();
  for (const reason of reasons) {
    const key = reason?.replace(/^record \d+: /, '');
    if (key !== undefined) known.set(key, (known.get(key) ?? 0) + 1);
  }
  return [...known].map(([reason, count]) => `${count} ${reason}`).join(', ');
}

/** A chain of types down to one of a killing kind, and a record that starts somewhere on it. */
const WRAPS = [
  'typedef',
  'const',
  'volatile',
  'restrict',
  'type_tag',
  'ptr',
  'array',
  'struct',
  'union',
  'parameter',
  'result',
];

test('however deep a killing kind lies behind a type that a type relocation names, the load is withheld', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('float', 'func', 'var', 'datasec', 'decl_tag'),
      fc.array(fc.constantFrom(...WRAPS), { maxLength: 8 }),
      fc.constantFrom(6, 7, 8, 9, 12, 13, 0xffffffff),
      (odd, wraps, kind) => {
        expect(reasonToWithhold(loadAbout(odd, wraps, kind), RELEASE)).toBe('record 0: type-relocation-of-an-odd-kind');
      },
    ),
    { seed: 1, numRuns: 300 },
  );
  expect(reasonToWithhold(loadAbout('int', WRAPS, 8), RELEASE)).toBeUndefined();
});

test('a negative index is withheld however it is spelled', () => {
  const spelled = (text: string) => reasonToWithhold(loadAbout('int', ['struct'], 0, text), RELEASE);
  for (const text of ['-1', '0:-1', '-1:0', '2147483648:0', '0:4294967295', '18446744073709551615', '9'.repeat(40)])
    expect(spelled(text), text).toBe('record 0: negative-accessor');
  for (const text of ['0', '0:0', '0:4294967296', '99999999999:0', '', 'abc'])
    expect(spelled(text), text).toBeUndefined();
});

test('what cannot be read as the kernel would read it is withheld', () => {
  const sound = loadAbout('int', [], 8);
  const { records } = sound;
  expect(reasonToWithhold(sound, RELEASE)).toBeUndefined();
  for (const bad of [{ recordSize: 12 }, { recordSize: 18 }, { count: 2 }, { count: 2 ** 32 - 1 }, { recordSize: 20 }])
    expect(reasonToWithhold({ ...sound, records: { ...records, ...bad } }, RELEASE)).toContain('cannot be read');
  expect(reasonToWithhold({ ...sound, btf: sound.btf.subarray(0, 40) }, RELEASE)).toContain('types cannot be read');
});

function loadAbout(innermost: string, wraps: readonly string[], kind: number, access = '0'): CoreLoad {
  const types = new BtfBuilder();
  const integer = types.add({ kind: 'int', name: 'int', sizeBytes: 4, encoding: 1, offsetBits: 0, widthBits: 32 });
  const prototype = types.add({ kind: 'func_proto', name: '', returnType: integer, parameters: [] });
  let root = addInnermost();
  for (const wrap of wraps) root = addWrap(wrap, root);
  const record = { instructionOffset: 0, typeId: root, accessOffset: types.string(access), kind };
  const bytes = new Uint8Array(RECORD_BYTES);
  writeRecord(bytes, 0, record);
  return {
    instructions: Uint8Array.from([0xb7, 0, 0, 0, 1, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]),
    mapAddresses: [],
    btf: types.bytes(),
    functionInfo: [],
    lineInfo: [],
    records: { bytes, count: 1, recordSize: RECORD_BYTES },
  };

  function addInnermost(): number {
    switch (innermost) {
      case 'float':
        return types.add({ kind: 'float', name: 'double', sizeBytes: 8 });
      case 'func':
        return types.add({ kind: 'func', name: 'f', prototype, linkage: 1 });
      case 'var':
        return types.add({ kind: 'var', name: 'v', type: integer, linkage: 1 });
      case 'datasec':
        return types.add({ kind: 'datasec', name: '.data', sizeBytes: 4, entries: [] });
      case 'decl_tag':
        return types.add({ kind: 'decl_tag', name: 'tag', type: integer, componentIndex: -1 });
      default:
        return integer;
    }
  }

  function addWrap(wrap: string, type: number): number {
    const members = [{ name: 'm', type, offsetBits: 0, bitfieldBits: 0 }];
    switch (wrap) {
      case 'array':
        return types.add({ kind: 'array', name: '', elementType: type, indexType: integer, length: 1 });
      case 'struct':
      case 'union':
        return types.add({ kind: wrap, name: 'w', sizeBytes: 8, hasBitfields: false, members });
      case 'parameter':
        return types.add({ kind: 'func_proto', name: '', returnType: 0, parameters: [{ name: 'p', type }] });
      case 'result':
        return types.add({ kind: 'func_proto', name: '', returnType: type, parameters: [] });
      default:
        return types.add({ kind: wrap as 'ptr', name: wrap === 'typedef' ? 'w' : '', type });
    }
  }
}
