import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Btf } from '../../src/model/bpf/btf/blob.ts';
import { BtfBuilder, type NewBtfType } from '../../src/model/bpf/btf/build.ts';
import { parseBtf } from '../../src/model/bpf/btf/parse.ts';
import { printAsC } from '../../src/model/bpf/btf/print-as-c.ts';
import { isAnyEnum, isComposite } from '../../src/model/bpf/btf/type.ts';

const KERNEL = '/sys/kernel/btf/vmlinux';
const COMPILER = 'gcc';
const compiler = spawnSync(COMPILER, ['--version']).status === 0;
const whyNot = compiler ? (existsSync(KERNEL) ? undefined : `there is no ${KERNEL}`) : `there is no ${COMPILER}`;
if (whyNot !== undefined) console.warn(`skipped: compiling the kernel's types, because ${whyNot}`);

/** An assertion for the size of every named type and the place of every named member that is no bitfield. */
function assertions(btf: Btf): string[] {
  const seen = new Map<string, number>();
  const lines: string[] = [];
  for (let id = 1; id <= btf.typeCount; id++) {
    const type = btf.type(id)!;
    if (!(isComposite(type) || isAnyEnum(type)) || type.name === '') continue;
    const count = (seen.get(type.name) ?? 0) + 1;
    seen.set(type.name, count);
    const name = `${type.kind === 'enum64' ? 'enum' : type.kind} ${type.name}${count > 1 ? `___${count}` : ''}`;
    lines.push(`_Static_assert(sizeof(${name}) == ${type.sizeBytes}, "size of ${name}");`);
    for (const member of isComposite(type) ? type.members : []) {
      if (member.name === '' || member.bitfieldBits > 0) continue;
      const place = `__builtin_offsetof(${name}, ${member.name}) == ${member.offsetBits / 8}`;
      lines.push(`_Static_assert(${place}, "${name}.${member.name}");`);
    }
  }
  return lines;
}

describe('a compiler lays printed types out as BTF says', () => {
  test.skipIf(whyNot !== undefined)('for every type of the running kernel', () => {
    const btf = parseBtf(new Uint8Array(readFileSync(KERNEL)));
    const checks = assertions(btf);
    const input = `${printAsC(btf)}\n${checks.join('\n')}\n`;
    const { status, stderr } = spawnSync(COMPILER, ['-w', '-fsyntax-only', '-x', 'c', '-'], {
      input,
      maxBuffer: 1 << 26,
    });
    expect(stderr.toString().slice(0, 2000)).toBe('');
    expect(status).toBe(0);
    expect(checks.length).toBeGreaterThan(10_000);
  });

  test('pointers, arrays, functions, qualifiers, bitfields, padding and equal names have their C form', () => {
    const builder = new BtfBuilder();
    const add = (type: NewBtfType): number => builder.add(type);
    const int = add({ kind: 'int', name: 'int', sizeBytes: 4, encoding: 1, offsetBits: 0, widthBits: 32 });
    const char = add({ kind: 'int', name: 'char', sizeBytes: 1, encoding: 1, offsetBits: 0, widthBits: 8 });
    const constChar = add({ kind: 'const', name: '', type: char });
    const text = add({ kind: 'ptr', name: '', type: constChar });
    const array = add({ kind: 'array', name: '', elementType: int, indexType: int, length: 3 });
    const arrayPointer = add({ kind: 'ptr', name: '', type: array });
    const prototype = add({
      kind: 'func_proto',
      name: '',
      returnType: text,
      parameters: [
        { name: 'n', type: int },
        { name: '', type: 0 },
      ],
    });
    const callback = add({ kind: 'ptr', name: '', type: prototype });
    const fixed = add({ kind: 'const', name: '', type: callback });
    const at = (name: string, type: number, offsetBits: number, bitfieldBits = 0) => ({
      name,
      type,
      offsetBits,
      bitfieldBits,
    });
    const self = 11;
    add({ kind: 'ptr', name: '', type: self });
    add({
      kind: 'struct',
      name: 's',
      sizeBytes: 48,
      hasBitfields: true,
      members: [
        at('low', int, 0, 3),
        at('high', int, 8, 5),
        at('call', fixed, 64),
        at('rows', arrayPointer, 192),
        at('next', 10, 256),
      ],
    });
    add({
      kind: 'struct',
      name: 'odd',
      sizeBytes: 5,
      hasBitfields: false,
      members: [at('c', char, 0), at('i', int, 8)],
    });
    add({ kind: 'struct', name: 'odd', sizeBytes: 1, hasBitfields: false, members: [at('c', char, 0)] });
    const none = add({
      kind: 'enum',
      name: '',
      sizeBytes: 4,
      signed: true,
      enumerators: [{ name: 'MINUS', value: -1n }],
    });
    add({ kind: 'typedef', name: 'sign', type: none });
    expect(printAsC(parseBtf(builder.bytes()))).toBe(`struct s {
	int low: 3;
	char: 5;
	int high: 5;
	const char *(* const call)(int n, ...);
	long: 64;
	int (*rows)[3];
	struct s *next;
	long: 64;
};

struct odd {
	char c;
	int i;
} __attribute__((packed));

struct odd___2 {
	char c;
};

typedef enum {
	MINUS = -1,
} sign;
`);
  });
});
