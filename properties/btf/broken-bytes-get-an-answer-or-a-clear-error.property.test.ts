import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../src/base/bytes.ts';
import { RUNNING_KERNEL } from '../../src/cli/kernel-types.ts';
import type { Btf } from '../../src/model/bpf/btf/blob.ts';
import { BtfBuilder } from '../../src/model/bpf/btf/build.ts';
import { ElfError } from '../../src/model/bpf/btf/elf.ts';
import { parseBtf } from '../../src/model/bpf/btf/parse.ts';
import { printAsC } from '../../src/model/bpf/btf/print-as-c.ts';
import { loadBtf } from '../../src/model/bpf/btf/validate.ts';
import { BtfError } from '../../src/model/bpf/btf/wire.ts';
import { searchCandidates, targetFrom } from '../../src/model/bpf/core-relocation/candidates.ts';
import { openObject } from '../../src/model/bpf/core-relocation/object-from-elf.ts';
import { KERNEL_6_18, LIBBPF_1_8 } from '../../src/model/bpf/core-relocation/policy.ts';
import { resolveRecord } from '../../src/model/bpf/core-relocation/resolve.ts';
import { goldenLines } from '../core-relocation/golden-files.ts';

const recorded = goldenLines('core-late-derived.jsonl.gz') as
  | readonly { readonly btf: string; readonly relos: readonly { readonly acc_off: number }[] }[]
  | undefined;
const layouts = goldenLines('light-skeleton-layout.jsonl.gz') as { readonly elf: string }[] | undefined;

/** Words that sit on the edges of what formats allow. */
const edges = fc.constantFrom(0, 1, 4, 8, 24, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff);
const change = fc.record({
  place: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  value: fc.oneof(edges, fc.integer({ min: 0, max: 255 })),
  bytes: fc.constantFrom(1, 4),
});
const damage = fc.record({
  base: fc.nat(),
  changes: fc.array(change, { maxLength: 4 }),
  kept: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
});

function damaged(
  base: Uint8Array,
  {
    changes,
    kept,
  }: { readonly changes: readonly { place: number; value: number; bytes: number }[]; readonly kept: number },
): Uint8Array {
  const copy = Uint8Array.from(base);
  for (const { place, value, bytes } of changes) {
    const at = Math.floor(place * copy.length);
    if (bytes === 1) copy[at] = value;
    else if (at + 4 <= copy.length) new DataView(copy.buffer).setUint32(at & ~3, value, true);
  }
  return copy.subarray(0, Math.ceil(kept * copy.length));
}

function parsed(bytes: Uint8Array): Btf | undefined {
  try {
    return parseBtf(bytes);
  } catch (error) {
    if (!(error instanceof BtfError) || error.message === '') throw error;
    return undefined;
  }
}

function print(btf: Btf): void {
  try {
    printAsC(btf);
  } catch (error) {
    if (!(error instanceof BtfError)) throw error;
  }
}

/** Asks everything CO-RE asks of a blob, of itself as the target; only that it answers matters. */
function relocateEverything(btf: Btf, accessOffset: number): void {
  const count = Math.min(btf.typeCount, 24);
  for (const policy of [KERNEL_6_18, LIBBPF_1_8]) {
    const finder = { find: (local: Btf, id: number) => searchCandidates(targetFrom(btf), local, id, policy) };
    for (let typeId = 0; typeId <= count; typeId++) {
      btf.sizeBytes(typeId);
      const kind = typeId % 13;
      const record = { instructionOffset: 0, typeId, accessOffset, kind };
      resolveRecord(btf, record, finder, policy);
    }
  }
}

describe('broken bytes get an answer or a clear error', () => {
  test.skipIf(recorded === undefined)('20,000 damaged copies of real BTF', () => {
    // Undamaged, each holds the access string of its first record where the record says.
    const blobs = recorded!.map(({ btf, relos }) => ({ bytes: fromHex(btf)!, access: relos[0]?.acc_off ?? 0 }));
    // No message needs to say where it was made, 17,000 times.
    Error.stackTraceLimit = 0;
    let readable = 0;
    fc.assert(
      fc.property(damage, ({ base, ...rest }) => {
        const { bytes: whole, access } = blobs[base % blobs.length]!;
        const bytes = damaged(whole, rest);
        const btf = parsed(bytes);
        const verdict = loadBtf(bytes);
        if (btf === undefined && verdict.kind === 'loaded') throw new Error('the kernel reads what we do not');
        if (btf === undefined) return;
        readable += 1;
        relocateEverything(btf, access);
        print(btf);
      }),
      { seed: 2, numRuns: 20_000 },
    );
    expect(readable).toBeGreaterThan(2_000);
  });

  test.skipIf(!existsSync(RUNNING_KERNEL))('some damaged copies of the types of the running kernel', () => {
    const whole = readFileSync(RUNNING_KERNEL);
    fc.assert(
      fc.property(damage, ({ changes, kept }) => {
        const bytes = damaged(whole, { changes, kept });
        const btf = parsed(bytes);
        if (btf !== undefined) relocateEverything(btf, 0);
        else expect(loadBtf(bytes).kind).toBe('refused');
      }),
      { seed: 4, numRuns: 8 },
    );
  });

  test.skipIf(layouts === undefined)('2,000 damaged copies of real objects', () => {
    const objects = layouts!.map(({ elf }) => fromHex(elf)!);
    let opened = 0;
    fc.assert(
      fc.property(damage, ({ base, ...rest }) => {
        try {
          openObject(damaged(objects[base % objects.length]!, rest));
          opened += 1;
        } catch (error) {
          expect(error instanceof BtfError || error instanceof ElfError).toBe(true);
        }
      }),
      { seed: 3, numRuns: 2_000 },
    );
    expect(opened).toBeGreaterThan(200);
  });

  test('a million types, names without an end, loops', () => {
    const many = new Uint8Array(24 + 12 * 1_000_000 + 1);
    const view = new DataView(many.buffer);
    [0x0001eb9f, 24, 0, 12_000_000, 12_000_000, 1].forEach((word, index) => {
      view.setUint32(4 * index, word, true);
    });
    for (let id = 1; id <= 1_000_000; id++) {
      view.setUint32(24 + 12 * (id - 1) + 4, 10 << 24, true);
      view.setUint32(24 + 12 * (id - 1) + 8, (id % 1_000_000) + 1, true);
    }
    const btf = parseBtf(many);
    expect(btf.typeCount).toBe(1_000_000);
    expect(btf.skipModifiers(1)).toBeUndefined();
    expect(btf.sizeBytes(1)).toBeUndefined();
    expect(loadBtf(many)).toMatchObject({ errno: 'E2BIG', message: 'Exceeded max resolving depth' });

    expect(() => printAsC(btf)).not.toThrow(RangeError);

    const doubling = new BtfBuilder();
    const member = (name: string, type: number) => ({ name, type, offsetBits: 0, bitfieldBits: 0 });
    for (let id = 1; id <= 60; id++)
      doubling.add({
        kind: 'union',
        name: id === 60 ? 'u' : '',
        sizeBytes: 4,
        hasBitfields: false,
        members: id === 1 ? [] : [member('a', id - 1), member('b', id - 1)],
      });
    expect(() => printAsC(parseBtf(doubling.bytes()))).toThrow(BtfError);

    const builder = new BtfBuilder();
    builder.add({ kind: 'typedef', name: 'x'.repeat(1 << 20), type: 0 });
    const long = builder.bytes();
    expect(loadBtf(long)).toMatchObject({ message: 'Invalid name' });
    long[long.length - 1] = 0x78;
    expect(() => parseBtf(long)).toThrow(BtfError);
    expect(loadBtf(long)).toMatchObject({ message: 'Invalid string section' });
  });
});
