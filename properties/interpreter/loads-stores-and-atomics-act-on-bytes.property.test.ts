import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Atomic,
  Class,
  type Instruction,
  InternalMode,
  Jump,
  Mode,
  Operation,
} from '../../src/model/bpf/instruction.ts';
import { bpfMemory, DATA, interpreterFor, STACK_TOP } from './bpf-machine.ts';

const words = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const SUFFIXES = { 1: 'b', 2: 'h', 4: 'w', 8: 'dw' } as const;
const sizes = fc.constantFrom(1, 2, 4, 8) as fc.Arbitrary<1 | 2 | 4 | 8>;
const SIZE_BITS = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 } as const;

const EXIT: Instruction = { opcode: Class.JMP | Jump.EXIT, dst: 0, src: 0, offset: 0, immediate: 0 };

/** Little-endian bytes. */
function bytesOf(value: bigint, size: number): number[] {
  return Array.from({ length: size }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}

describe('memory', () => {
  it('holds what was stored, and loads extend with zeros or the sign', () => {
    fc.assert(
      fc.property(sizes, words, fc.integer({ min: -8, max: 4088 }), (size, value, offset) => {
        const memory = bpfMemory();
        const suffix = SUFFIXES[size];
        const base = DATA + 8n;
        const place = `[r1${offset < 0 ? '' : '+'}${offset}]`;
        const stop = interpreterFor(`stx${suffix} ${place}, r2\nldx${suffix} r0, ${place}\nexit`, { memory }).run([
          base,
          value,
        ]);
        if (offset + size > 4088) {
          expect(stop).toEqual({ kind: 'memory-fault', at: 0, address: base + BigInt(offset), size, write: true });
          return;
        }
        expect(stop).toEqual({ kind: 'exit', value: BigInt.asUintN(8 * size, value) });
        expect([...memory.read(base + BigInt(offset), size)]).toEqual(bytesOf(value, size));
        if (size === 8) return;
        const signed = interpreterFor(`ldxs${suffix} r0, ${place}\nexit`, { memory }).run([base]);
        expect(signed).toEqual({ kind: 'exit', value: BigInt.asUintN(64, BigInt.asIntN(8 * size, value)) });
      }),
      { seed: 41, numRuns: 1_500 },
    );
  });

  const COMBINED = {
    [Operation.ADD]: (o: bigint, v: bigint) => o + v,
    [Operation.OR]: (o: bigint, v: bigint) => o | v,
    [Operation.AND]: (o: bigint, v: bigint) => o & v,
    [Operation.XOR]: (o: bigint, v: bigint) => o ^ v,
  };

  it('is combined by atomics, which give the old value when they fetch', () => {
    const operations = fc.constantFrom(Operation.ADD, Operation.OR, Operation.AND, Operation.XOR);
    fc.assert(
      fc.property(
        operations,
        fc.boolean(),
        fc.constantFrom(4, 8) as fc.Arbitrary<4 | 8>,
        words,
        words,
        (operation, fetches, size, old, operand) => {
          const memory = bpfMemory();
          memory.write(DATA, Uint8Array.from(bytesOf(old, 8)));
          const immediate = operation | (fetches ? Atomic.FETCH : 0);
          const program = [atomic(size, immediate), { ...EXIT, opcode: Class.ALU64 | Operation.MOV | 8, src: 2 }, EXIT];
          const cut = (value: bigint): bigint => BigInt.asUintN(8 * size, value);
          const stop = interpreterFor(program, { memory }).run([DATA, operand]);
          expect(stop).toEqual({ kind: 'exit', value: fetches ? cut(old) : operand });
          expect([...memory.read(DATA, size)]).toEqual(bytesOf(cut(COMBINED[operation](cut(old), cut(operand))), size));
        },
      ),
      { seed: 42, numRuns: 1_000 },
    );
  });

  it('is exchanged, and exchanged only when it compares equal to r0', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(4, 8) as fc.Arbitrary<4 | 8>,
        words,
        words,
        fc.boolean(),
        (size, old, value, matches) => {
          const memory = bpfMemory();
          memory.write(DATA, Uint8Array.from(bytesOf(old, 8)));
          const cut = (word: bigint): bigint => BigInt.asUintN(8 * size, word);
          const compared = matches ? old : old ^ 1n;
          const program = [
            { ...EXIT, opcode: Class.ALU64 | Operation.MOV | 8, src: 3 },
            atomic(size, Atomic.CMPXCHG),
            EXIT,
          ];
          const stop = interpreterFor(program, { memory }).run([DATA, value, compared]);
          expect(stop).toEqual({ kind: 'exit', value: cut(old) });
          expect([...memory.read(DATA, size)]).toEqual(bytesOf(cut(matches ? value : old), size));
        },
      ),
      { seed: 43, numRuns: 500 },
    );
  });
});

describe('probing accesses', () => {
  const KERNEL_START = 0xffff_c900_0b71_c000n;
  const USER_START = 0x7f2e_8096_1000n;
  const arena = { kernelStart: KERNEL_START, userStart: USER_START };

  function arenaMemory() {
    const memory = bpfMemory();
    memory.map(KERNEL_START + (USER_START & 0xffff_ffffn), 4096);
    return memory;
  }

  it('find arena bytes by the low half of the pointer, and offsets do not wrap with it', () => {
    const memory = arenaMemory();
    memory.write(KERNEL_START + (USER_START & 0xffff_ffffn) + 16n, Uint8Array.of(1, 2, 3, 4));
    const load = { opcode: Class.LDX | InternalMode.PROBE_MEM32, dst: 0, src: 1, offset: 16, immediate: 0 };
    const run = (pointer: bigint) => interpreterFor([load, EXIT], { memory, arena }).run([pointer]);
    expect(run(USER_START)).toEqual({ kind: 'exit', value: 0x04030201n });
    expect(run(USER_START & 0xffff_ffffn)).toEqual({ kind: 'exit', value: 0x04030201n });
    expect(run(USER_START - (1n << 40n))).toEqual({ kind: 'exit', value: 0x04030201n });
  });

  it('clear the destination of a load, drop a store, change nothing of an atomic, and tell the arena fault', () => {
    const bad = USER_START + 0x5000n;
    const faults = (instruction: Instruction) => {
      const interpreter = interpreterFor([instruction, EXIT], { memory: arenaMemory(), arena });
      interpreter.registers.words[0] = 0n;
      const stop = interpreter.run([bad & 0xffff_ffffn, 7n]);
      return { stop, faults: interpreter.arenaFaults, r2: interpreter.registers.words[2] };
    };
    const at = (offset: number) => bad + BigInt(offset);
    const load = faults({
      opcode: Class.LDX | InternalMode.PROBE_MEM32 | 0x18,
      dst: 2,
      src: 1,
      offset: 8,
      immediate: 0,
    });
    expect(load).toMatchObject({ r2: 0n, faults: [{ write: false, address: at(8) }] });
    const store = faults({
      opcode: Class.STX | InternalMode.PROBE_MEM32 | 0x18,
      dst: 1,
      src: 2,
      offset: -8,
      immediate: 0,
    });
    expect(store).toMatchObject({ r2: 7n, faults: [{ write: true, address: at(-8) }] });
    const fetch = faults({
      opcode: Class.STX | InternalMode.PROBE_ATOMIC,
      dst: 1,
      src: 2,
      offset: 0,
      immediate: Atomic.XCHG,
    });
    expect(fetch).toMatchObject({ r2: 7n, faults: [{ write: true, address: at(0) }] });
    const acquire = faults({
      opcode: Class.STX | InternalMode.PROBE_ATOMIC,
      dst: 2,
      src: 1,
      offset: 16,
      immediate: Atomic.LOAD_ACQUIRE,
    });
    expect(acquire).toMatchObject({ r2: 7n, faults: [{ write: true, address: 0x7f2e_0000_0000n + 7n + 16n }] });
  });

  it('clear what an atomic would have fetched on kernels that do, which call a load-acquire a read', () => {
    const run = (instruction: Instruction) => {
      const surroundings = { memory: arenaMemory(), arena, clearsFaultedAtomics: true };
      const interpreter = interpreterFor([instruction, EXIT], surroundings);
      interpreter.run([0x8096_6000n, 7n]);
      return { faults: interpreter.arenaFaults, r2: interpreter.registers.words[2] };
    };
    const fetch = { opcode: Class.STX | InternalMode.PROBE_ATOMIC, dst: 1, src: 2, offset: 4, immediate: Atomic.XCHG };
    expect(run(fetch)).toEqual({ faults: [{ write: true, address: 0x7f2e_8096_6004n }], r2: 0n });
    const acquire = {
      opcode: Class.STX | InternalMode.PROBE_ATOMIC,
      dst: 2,
      src: 1,
      offset: 4,
      immediate: Atomic.LOAD_ACQUIRE,
    };
    expect(run(acquire)).toEqual({ faults: [{ write: false, address: 0x7f2e_8096_6004n }], r2: 0n });
    const add = { opcode: Class.STX | InternalMode.PROBE_ATOMIC, dst: 1, src: 2, offset: 4, immediate: Operation.ADD };
    expect(run(add)).toEqual({ faults: [{ write: true, address: 0x7f2e_8096_6004n }], r2: 7n });
  });

  it('of kernel pointers read zero from user space, the vsyscall page and nowhere, and real kernel memory otherwise', () => {
    const memory = bpfMemory();
    memory.write(DATA, Uint8Array.of(0x80));
    memory.map(0x1000n, 4096);
    memory.write(0x1000n, Uint8Array.of(9));
    const run = (mode: number, address: bigint) =>
      interpreterFor([{ opcode: Class.LDX | mode | 0x10, dst: 0, src: 1, offset: 0, immediate: 0 }, EXIT], {
        memory,
      }).run([address]);
    for (const address of [
      0n,
      0x1000n,
      0x8000_0000_0000n,
      0x9000_0000_0000_0000n,
      0xffff_ffff_ff60_0000n,
      0xffff_ffff_ffff_fffen,
      STACK_TOP + 0x10_0000n,
    ]) {
      expect(run(InternalMode.PROBE_MEM, address)).toEqual({ kind: 'exit', value: 0n });
    }
    expect(run(InternalMode.PROBE_MEM, DATA)).toEqual({ kind: 'exit', value: 0x80n });
    expect(run(InternalMode.PROBE_MEMSX, DATA)).toEqual({ kind: 'exit', value: 0xffff_ffff_ffff_ff80n });
  });

  it('cast arena pointers both ways by their low half', () => {
    const cast = (immediate: number) => ({
      opcode: Class.ALU64 | Operation.MOV | 8,
      dst: 0,
      src: 1,
      offset: 1,
      immediate,
    });
    const run = (immediate: number, pointer: bigint) =>
      interpreterFor([cast(immediate), EXIT], { arena }).run([pointer]);
    expect(run(0x10000, 0x8096_1010n)).toEqual({ kind: 'exit', value: 0x7f2e_8096_1010n });
    expect(run(0x10000, 0xabcd_0000_0000n)).toEqual({ kind: 'exit', value: 0n });
    expect(run(1, 0x7f2e_8096_1010n)).toEqual({ kind: 'exit', value: 0x8096_1010n });
  });
});

function atomic(size: 4 | 8, immediate: number): Instruction {
  return { opcode: Class.STX | Mode.ATOMIC | SIZE_BITS[size], dst: 1, src: 2, offset: 0, immediate };
}
