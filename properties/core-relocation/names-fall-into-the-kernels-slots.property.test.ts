import { expect, test } from 'vitest';
import { jhash } from '../../src/model/bpf/core-relocation/jhash.ts';

const hash = (text: string): number => jhash(new TextEncoder().encode(text));

/** The values Bob Jenkins published with lookup3, which the kernel's jhash() is for byte strings. */
test('names are hashed as lookup3 does', () => {
  expect(hash('')).toBe(0xdeadbeef);
  expect(hash('Four score and seven years ago')).toBe(0x17770551);
});

test('every byte and the length count, also where they end on a block of twelve', () => {
  for (const name of ['a', 'list_head', 'twelve_bytes', 'thirteen_byte', 'a_name_of_24_bytes_in_all']) {
    const others = [`${name}\0`, ...Array.from(name, (_, index) => `${name.slice(0, index)}~${name.slice(index + 1)}`)];
    for (const other of others) expect(hash(other)).not.toBe(hash(name));
  }
});
