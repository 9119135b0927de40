import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { documentOf, emptyFolder, roxcheck } from '../cli/in-process.ts';

const CORPUS = fileURLToPath(new URL('../../corpus/core/', import.meta.url));
const OBJECT = join(CORPUS, 'bpf.o');
const KERNEL = join(CORPUS, 'kernel-types.o');

interface Shown {
  readonly program: string;
  readonly spelling: string;
  readonly early: { readonly kind: string; readonly instruction?: string };
  readonly late: { readonly kind: string; readonly instruction?: string };
  readonly same: boolean;
}

/** A broken copy of the object in an empty folder. */
function broken(change: (bytes: Buffer) => Uint8Array): string {
  const path = join(emptyFolder(), 'broken.o');
  writeFileSync(path, change(readFileSync(OBJECT)));
  return path;
}

describe('roxcheck core', () => {
  test('shows for each relocation its C, what libbpf writes and what the kernel writes', async () => {
    const ended = await roxcheck(`core ${OBJECT} --btf ${KERNEL} --json`);
    const document = documentOf(ended);
    const shown = document.relocations as readonly Shown[];
    expect(shown).toHaveLength(21);
    const of = (spelling: string) => shown.filter((relocation) => relocation.spelling === spelling);
    const patched = (instruction: string) => ({ kind: 'patched', instruction });
    for (const [spelling, instruction] of [
      ['bpf_core_field_size(struct task, name)', 'r0 = 32'],
      ['bpf_core_field_offset(struct task, name[3])', 'r1 = 28'],
      ['bpf_core_field_exists(struct task, forgotten)', 'r1 = 0'],
      ['bpf_core_type_size(struct credentials)', 'r2 = 8'],
      ['bpf_core_type_size(struct absent)', 'r2 = 0'],
      ['bpf_core_enum_value(enum state, STATE_RUNNING)', 'r0 = 0x7 ll'],
      ['__builtin_preserve_field_info(((struct task *)0)->in_kernel, BPF_FIELD_LSHIFT_U64)', 'r1 = 60'],
    ] as const) {
      expect(of(spelling), spelling).toMatchObject([{ early: patched(instruction), late: patched(instruction) }]);
    }
    const loads = shown.filter(({ program }) => program === 'loads').map(({ late }) => late.instruction);
    expect(loads).toEqual(['r2 = *(u32 *)(r1 +16)', 'r0 = *(u32 *)(r1 +60)']);
    expect(of('bpf_core_enum_value(enum state, STATE_IDLE)')).toMatchObject([
      { early: { kind: 'poisoned' }, late: { kind: 'poisoned' } },
    ]);
  });

  test('says where a light skeleton would differ, and ends with 1', async () => {
    const ended = await roxcheck(`core ${OBJECT} --btf ${KERNEL}`);
    expect(ended.exitCode).toBe(1);
    expect(ended.out.match(/^DIFF .*$/gm)).toEqual(['DIFF  size_of_event+0  bpf_core_type_size(struct event)']);
    expect(ended.out).toContain('the object is refused with EINVAL: relocation decision ambiguity: 24 != 40');
    expect(ended.out).toContain('never seen: no loaded program calls this function');
    expect(ended.out).toContain('first-posted   28 bytes each; light skeleton 700 bytes, 29.0 for each of 23 records');
    expect(ended.out).toContain('proposed       16 bytes each; light skeleton 400 bytes, 16.0 for each of 23 records');
    expect(ended.out).toContain('21 relocations, 1 of them not the same for libbpf and for the kernel.');
  });

  test('an object against its own types has no difference, and ends with 0', async () => {
    const ended = await roxcheck(`core ${OBJECT} --btf ${OBJECT}`);
    expect(ended.exitCode, ended.out).toBe(0);
    expect(ended.out).toContain('libbpf and the kernel do the same to each');
  });

  test.each<[string, (bytes: Buffer) => Uint8Array, RegExp]>([
    ['an empty file', () => new Uint8Array(), /this is no BPF object: no ELF header/],
    ['text', () => Buffer.from('not an object at all, and long enough for a header of 64 bytes!!!'), /no ELF header/],
    ['an object cut short', (bytes) => bytes.subarray(0, bytes.length / 2), /lie outside the file/],
    ['an object of another machine', (bytes) => bytes.fill(62, 18, 19), /not a BPF object/],
    [
      'an object without types',
      (bytes) => renamed(bytes, '.BTF\0', '.XYZ\0'),
      /no \.BTF section; compile it with clang -g/,
    ],
  ])('%s is explained with exit code 2', async (_, change, reason) => {
    const path = broken(change);
    const ended = await roxcheck(`core ${path} --btf ${KERNEL}`);
    expect(ended.exitCode).toBe(2);
    expect(ended.err).toContain(path);
    expect(ended.err).toMatch(reason);
  });

  test('so is a kernel without types', async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'text'), 'vmlinux');
    const missing = await roxcheck(`core ${OBJECT} --btf nowhere`, { folder });
    expect(missing).toMatchObject({ exitCode: 2, err: expect.stringMatching(/nowhere: .*no such file/) });
    const wrong = await roxcheck(`core ${OBJECT} --btf text`, { folder });
    expect(wrong).toMatchObject({ exitCode: 2, err: expect.stringMatching(/text: this is no BTF of a kernel: /) });
  });
});

/** The bytes with a string of the same length in the place of another, wherever it stands. */
function renamed(bytes: Buffer, from: string, to: string): Buffer {
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from)) bytes.write(to, at, 'latin1');
  return bytes;
}
