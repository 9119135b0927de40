import { describe, expect, it } from 'vitest';
import { load, worldWithArena } from './programs.ts';

const newest = worldWithArena('7.3');
const current = worldWithArena('6.18');
const early = worldWithArena('6.12');

const refusal = (text: string, world = current, arena = true) => {
  const answer = load(world, text, { arena });
  return 'state' in answer ? 'loads' : `${answer.errno} insn ${answer.index}: ${answer.message}`;
};

const POINTER = 'r1 = addr_space_cast(r1, 0, 1)\nr2 = 1\n';
const END = '\nr0 = 0\nexit';

describe('arithmetic with arena pointers', () => {
  it.each([
    ['scalar += arena', 'r2 += r1'],
    ['scalar ^= arena', 'r2 ^= r1'],
    ['arena += arena', 'r3 = r1\nr3 += r1'],
  ])('%s loads on the newest kernel and is refused before', (_, line) => {
    expect(refusal(POINTER + line + END, newest)).toBe('loads');
    expect(refusal(POINTER + line + END)).toMatch(/^-EACCES insn \d+: R1 .*prohibited$/);
  });

  it.each([
    ['ctx += arena', 'r6 += r3'],
    ['arena += ctx', 'r3 += r6'],
  ])('%s loads on the newest kernel', (_, line) => {
    const text = `r6 = r1\nr3 = 8192\nr3 = addr_space_cast(r3, 0, 1)\n${line}${END}`;
    expect(refusal(text, newest)).toBe('loads');
    expect(refusal(text)).toMatch(/^-EACCES/);
  });

  it('arena pointers are arguments and results of functions', () => {
    expect(refusal(`${POINTER}call pc+2\nr0 = *(u64 *)(r0 +0)\nexit\nr0 = r1\nexit`)).toBe('loads');
  });

  it('needs an arena', () => {
    expect(refusal(POINTER + END, current, false)).toBe(
      '-EINVAL insn 0: addr_space_cast insn can only be used in a program that has an associated arena',
    );
  });

  it('casts between address spaces 0 and 1 only', () => {
    expect(refusal(`r1 = addr_space_cast(r1, 0, 2)${END}`)).toContain('can only convert between address space 1 and 0');
  });
});

describe('accesses of an arena', () => {
  it('refuses an atomic instruction that meets an arena and a stack pointer', () => {
    const text = `${POINTER}*(u64 *)(r10 -8) = 0\nr3 = r10\nif r2 == 0x1 goto pc+1\nr3 = r1\nlock *(u64 *)(r3 -8) += r2${END}`;
    expect(refusal(text)).toBe('-EINVAL insn 6: same insn cannot be used with different pointers');
  });

  it.each(['and', 'or', 'xor'])('refuses a fetching %s, for which the JIT has no code there', (name) => {
    expect(refusal(`${POINTER}r2 = atomic64_fetch_${name}((u64 *)(r1 +0), r2)${END}`)).toBe(
      '-EACCES insn 2: BPF_ATOMIC stores into R1 arena is not allowed',
    );
  });

  it('extends signs from 6.18 on', () => {
    const text = `${POINTER}r3 = *(s8 *)(r1 +0)${END}`;
    expect(refusal(text)).toBe('loads');
    expect(refusal(text, early)).toBe('-EOPNOTSUPP insn 2: sign extending loads from arena are not supported yet');
  });

  it('takes any offset', () => {
    expect(refusal(`${POINTER}r3 = *(u64 *)(r1 -32768)\n*(u8 *)(r1 +32767) = r3${END}`)).toBe('loads');
  });
});

describe('everything else', () => {
  it.each([
    ['r0 = r3\nexit', '-EACCES insn 0: R3 !read_ok'],
    ['r0 = r10\nexit', '-EINVAL insn 1: At program exit the register R0 is not a known value (fp)'],
    ['r0 = *(u64 *)(r10 -8)\nexit', '-EACCES insn 0: invalid read from stack off -8 size 8'],
    ['*(u64 *)(r10 +8) = 0\nr0 = 0\nexit', '-EACCES insn 0: invalid write to stack R10 off=8 size=8'],
    ['r0 = *(u64 *)(r1 +64)\nexit', '-EACCES insn 0: invalid bpf_context access off=64 size=8'],
    ['r2 = 5\nr0 = *(u64 *)(r2 +0)\nexit', "-EACCES insn 1: R2 invalid mem access 'scalar'"],
    ['r10 = 1\nr0 = 0\nexit', '-EACCES insn 0: frame pointer is read only'],
    ['*(u64 *)(r1 +0) = r10\nr0 = 0\nexit', '-EACCES insn 0: R10 leaks addr into mem'],
    ['call pc+0\nr0 = 0\nexit', '-EINVAL insn 0: the function does not end in an exit or a jump'],
  ])('%s', (text, answer) => {
    expect(refusal(text, current, false)).toBe(answer);
  });
});
