import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { emptyFolder, roxcheck } from '../cli/in-process.ts';

const LOAD = { name: 'one', insns: '', btf: '', func_info: [], relos: [], rec_size: 16 };
/** Types: none. */
const EMPTY = `9feb0100${'18000000'}${'00'.repeat(12)}${'01000000'}00`;

test.each([
  ['missing.jsonl', [], 'missing.jsonl: cannot be read: there is no such file or folder'],
  ['foreign.jsonl', [{ a: 1 }], 'foreign.jsonl: expected a recording of late CO-RE relocation'],
  [
    'packs.jsonl',
    [{ name: 'x', kernel: '6.18', steps: [] }],
    'packs.jsonl: expected a recording of late CO-RE relocation',
  ],
  ['other.jsonl --only two', [{ ...LOAD, btf: EMPTY }], 'other.jsonl: no case has a name that begins with "two"'],
  ['cut.jsonl', [{ ...LOAD, btf: EMPTY }, LOAD], 'cut.jsonl:2: 0 bytes are shorter than a BTF header'],
  [
    'half.jsonl',
    [{ ...LOAD, insns: 'b7' }],
    'half.jsonl:1: insns: expected hexadecimal digits, 16 for each instruction',
  ],
])('record %s is refused before anything is sent', async (words, lines, message) => {
  const folder = emptyFolder();
  const [file] = words.split(' ');
  if (lines.length > 0) writeFileSync(join(folder, file!), lines.map((line) => JSON.stringify(line)).join('\n'));
  const ended = await roxcheck(`record ${words}`, { folder });
  expect(ended.exitCode).toBe(2);
  expect(ended.err.trim()).toBe(message);
  expect(readdirSync(folder).filter((name) => name !== file)).toEqual([]);
});
