import { expect, test } from 'vitest';
import { directMapCounters } from '../../src/targets/live/audit-census.ts';
import { parseKernelSymbols } from '../../src/targets/live/kallsyms.ts';
import { arenaStartIn } from '../../src/targets/live/own-arena.ts';
import { recognisedText } from '../../src/targets/live/recognised-text.ts';

test('symbols of BPF are told from those of modules, and hidden addresses count as none', () => {
  const text = [
    'ffffffff81000000 T _stext',
    'ffffffff81000000 T _text',
    'ffffffffc0201000 t helper\t[some_module]',
    'ffffffffc0022110 t bpf_prog_59f4a931744dcdc6_triv\t[bpf]',
    'ffffffffc0023000 t bpf_trampoline_6442\t[bpf]',
    '',
  ].join('\n');
  expect(parseKernelSymbols(text)).toEqual({
    textStart: 0xffffffff81000000n,
    bpf: [
      { address: 0xffffffffc0022110n, name: 'bpf_prog_59f4a931744dcdc6_triv' },
      { address: 0xffffffffc0023000n, name: 'bpf_trampoline_6442' },
    ],
  });
  const hidden = text.replaceAll(/^[0-9a-f]{16}/gm, '0000000000000000');
  expect(parseKernelSymbols(hidden)).toEqual({ textStart: undefined, bpf: [] });
});

test('direct-map counters are leaves, on machines without 1 GiB pages as well', () => {
  const text = 'DirectMap4k:       30720 kB\nDirectMap2M:     2066432 kB\n';
  expect(directMapCounters(`MemTotal: 1 kB\n${text}`)).toEqual({ '4K': 7680, '2M': 1009, '1G': 0 });
  expect(directMapCounters(`${text}DirectMap1G:    25165824 kB\n`)).toEqual({ '4K': 7680, '2M': 1009, '1G': 24 });
  expect(directMapCounters('MemTotal: 1 kB\n')).toBeUndefined();
});

test('the address of an arena is read from a prologue that loads it, and from no other', () => {
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(0xffffc90000118000n);
  const prologue = Buffer.from('0f1f4400000f1f00554889e54154', 'hex');
  const code = Buffer.concat([prologue, Buffer.from('49bc', 'hex'), start, Buffer.from('31c0c9c3', 'hex')]);
  expect(arenaStartIn(code)).toBe(0xffffc90000118000n);
  expect(arenaStartIn(prologue)).toBeUndefined();
  start.writeBigUInt64LE(0x1234n);
  const other = Buffer.concat([prologue, Buffer.from('49bc', 'hex'), start]);
  expect(arenaStartIn(other)).toBeUndefined();
  expect(arenaStartIn(Buffer.concat([Buffer.alloc(80), code]))).toBeUndefined();
});

test('pages of branch thunks are recognised, pages of other code are not', () => {
  const page = new Uint8Array(4096).fill(0xcc);
  expect(recognisedText(page)).toContain('free text');
  page.set([0xff, 0xe0, 0xcc, 0x41, 0xff, 0xe7, 0xcc], 32);
  expect(recognisedText(page)).toContain('ITS');
  page.set([0x55, 0x48, 0x89, 0xe5], 64);
  expect(recognisedText(page)).toBeUndefined();
  expect(recognisedText(undefined)).toBeUndefined();
});
