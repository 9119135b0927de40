import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Btf } from '../../src/model/bpf/btf/blob.ts';
import { BtfBuilder } from '../../src/model/bpf/btf/build.ts';
import { RELOCATION_KINDS } from '../../src/model/bpf/btf/core-record.ts';
import { parseBtf } from '../../src/model/bpf/btf/parse.ts';
import { searchCandidates, targetFrom } from '../../src/model/bpf/core-relocation/candidates.ts';
import type { Resolution } from '../../src/model/bpf/core-relocation/compute.ts';
import { KERNEL_6_18 } from '../../src/model/bpf/core-relocation/policy.ts';
import { isRefusal, type Refusal } from '../../src/model/bpf/core-relocation/refusal.ts';
import { resolveRecord } from '../../src/model/bpf/core-relocation/resolve.ts';

interface Placed {
  readonly unit: number;
  readonly offsetBits: number;
  readonly width: number;
}

/** A blob with `struct s { <integer of unit bytes> f : width; }` at a bit offset; strings "0:0" and "0" for access. */
function structWith({ unit, offsetBits, width }: Placed, signed: boolean, name = 's') {
  const builder = new BtfBuilder();
  const type = builder.add({
    kind: 'int',
    name: 'base',
    sizeBytes: unit,
    encoding: signed ? 1 : 0,
    offsetBits: 0,
    widthBits: 8 * unit,
  });
  const members = [{ name: 'f', type, offsetBits, bitfieldBits: width }];
  const struct = builder.add({ kind: 'struct', name, sizeBytes: 64, hasBitfields: true, members });
  const access = { field: builder.string('0:0'), whole: builder.string('0') };
  return { btf: parseBtf(builder.bytes()), struct, access };
}

function resolved(
  local: ReturnType<typeof structWith>,
  target: Btf,
  kind: (typeof RELOCATION_KINDS)[number],
): Resolution | Refusal {
  const number = RELOCATION_KINDS.indexOf(kind);
  const accessOffset = number < 6 ? local.access.field : local.access.whole;
  const record = { instructionOffset: 0, typeId: local.struct, accessOffset, kind: number };
  const finder = {
    find: (btf: Btf, id: number) => searchCandidates(targetFrom(target), btf, id, KERNEL_6_18),
  };
  return resolveRecord(local.btf, record, finder, KERNEL_6_18);
}

const placed = fc
  .record({
    unit: fc.constantFrom(1, 2, 4, 8),
    start: fc.integer({ min: 0, max: 120 }),
    width: fc.integer({ min: 1, max: 64 }),
  })
  .map(({ unit, start, width }): Placed => ({ unit, offsetBits: start, width: Math.min(width, 8 * unit) }));

const runs = { seed: 7, numRuns: 600 };

describe('laws of values', () => {
  test('a load of the given size at the given place, shifted left and right, is the field', () => {
    let loaded = 0;
    const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(placed, placed, fc.boolean(), word, (here, there, signed, bits) => {
        const local = structWith(here, signed);
        const target = structWith(there, signed).btf;
        const answers = (['byte_off', 'byte_sz', 'lshift_u64', 'rshift_u64', 'signed'] as const).map((kind) =>
          resolved(local, target, kind),
        );
        if (answers.some(isRefusal)) return;
        const [offset, size, left, right, isSigned] = answers.map((answer) => (answer as Resolution).newValue);
        const value = BigInt.asUintN(there.width, bits);
        const memory = value << BigInt(there.offsetBits);
        const read = BigInt.asUintN(8 * Number(size), memory >> (8n * offset!));
        const moved = BigInt.asUintN(64, read << left!);
        const result = isSigned === 1n ? BigInt.asIntN(64, moved) >> right! : moved >> right!;
        expect(result).toBe(signed ? BigInt.asIntN(there.width, value) : value);
        loaded += 1;
      }),
      runs,
    );
    expect(loaded).toBeGreaterThan(100);
  });

  test('what is the same in the kernel stays the same', () => {
    fc.assert(
      fc.property(placed, fc.boolean(), (here, signed) => {
        const local = structWith(here, signed);
        for (const kind of RELOCATION_KINDS) {
          if (kind.startsWith('enumval')) continue;
          const answer = resolved(local, local.btf, kind);
          if (isRefusal(answer)) continue;
          expect(answer.poison).toBe(false);
          // The id of a type in the kernel has nothing to do with the program's; the program holds no such id to check.
          if (kind !== 'target_type_id') expect(answer.newValue).toBe(answer.oldValue);
        }
      }),
      runs,
    );
  });

  test('questions about what is missing are answered with 0, uses of it are poisoned', () => {
    const local = structWith({ unit: 4, offsetBits: 0, width: 0 }, false);
    const other = structWith({ unit: 4, offsetBits: 0, width: 0 }, false, 'other').btf;
    const expected = {
      byte_off: 'poison',
      byte_sz: 'poison',
      field_exists: 0n,
      signed: 'poison',
      lshift_u64: 'poison',
      rshift_u64: 'poison',
      target_type_id: 0n,
      type_exists: 0n,
      type_size: 0n,
      type_matches: 0n,
    } as const;
    for (const [kind, outcome] of Object.entries(expected)) {
      const answer = resolved(local, other, kind as keyof typeof expected);
      expect(isRefusal(answer)).toBe(false);
      expect((answer as Resolution).poison ? 'poison' : (answer as Resolution).newValue).toBe(outcome);
    }
  });
});
