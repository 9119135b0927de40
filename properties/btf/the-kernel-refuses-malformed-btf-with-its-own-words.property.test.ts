import { describe, expect, test } from 'vitest';
import { BtfBuilder, type NewBtfType } from '../../src/model/bpf/btf/build.ts';
import { loadBtf } from '../../src/model/bpf/btf/validate.ts';

/** What BPF_BTF_LOAD of Linux 6.18.44 answered, case by case. */

const INT: NewBtfType = { kind: 'int', name: 'int', sizeBytes: 4, encoding: 1, offsetBits: 0, widthBits: 32 };
const member = (name: string, type: number, offsetBits: number) => ({ name, type, offsetBits, bitfieldBits: 0 });
const composite = (
  kind: 'struct' | 'union',
  name: string,
  sizeBytes: number,
  ...members: ReturnType<typeof member>[]
) => ({ kind, name, sizeBytes, hasBitfields: false, members }) as const;

const blob = (...types: NewBtfType[]): Uint8Array => {
  const builder = new BtfBuilder();
  for (const type of types) builder.add(type);
  return builder.bytes();
};

/** A valid blob with some 32-bit words replaced, counted in bytes. */
const changed = (bytes: Uint8Array, ...words: readonly (readonly [number, number])[]): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  for (const [at, value] of words) new DataView(copy.buffer).setUint32(at, value, true);
  return copy;
};

const longer = (bytes: Uint8Array, extra: number): Uint8Array => Uint8Array.from([...bytes, ...new Uint8Array(extra)]);

const REFUSED: readonly (readonly [string, Uint8Array, string, string])[] = [
  ['a wrong magic', changed(blob(INT), [0, 0x0001eb9e]), 'EINVAL', 'Invalid magic'],
  ['version 2', changed(blob(INT), [0, 0x0002eb9f]), 'ENOTSUPP', 'Unsupported version'],
  ['flags 1', changed(blob(INT), [0, 0x0101eb9f]), 'ENOTSUPP', 'Unsupported flags'],
  ['a header of 20 bytes', changed(blob(INT), [4, 20]), 'EINVAL', 'Unsupported section found'],
  ['sections longer than the blob', blob(INT).subarray(0, 44), 'EINVAL', 'Total section length too long'],
  ['a gap between the sections', changed(longer(blob(INT), 4), [16, 20]), 'EINVAL', 'Unsupported section found'],
  ['trailing bytes', longer(blob(INT), 4), 'EINVAL', 'Unsupported section found'],
  ['no types', blob(), 'EINVAL', 'No type found'],
  ['kind 20', changed(blob(INT), [28, 20 << 24]), 'EINVAL', 'Invalid kind'],
  ['info bit 16', changed(blob(composite('struct', 's', 4)), [28, 0x0401_0000]), 'EINVAL', 'Invalid btf_info'],
  ['a name outside the strings', changed(blob(INT), [24, 999]), 'EINVAL', 'Invalid name_offset'],
  ['a pointer with a name', blob(INT, { kind: 'ptr', name: 'p', type: 1 }), 'EINVAL', 'Invalid name'],
  ['a missing type', blob({ kind: 'ptr', name: '', type: 9 }), 'EINVAL', 'Invalid type_id'],
  [
    'a member past the end',
    blob(INT, composite('struct', 's', 4, member('a', 1, 16))),
    'EINVAL',
    'Member exceeds struct_size',
  ],
  [
    'members that go back',
    blob(INT, composite('struct', 's', 8, member('a', 1, 32), member('b', 1, 0))),
    'EINVAL',
    'Invalid member bits_offset',
  ],
  [
    'a union member off its start',
    blob(INT, composite('union', 'u', 8, member('a', 1, 8))),
    'EINVAL',
    'Invalid member bits_offset',
  ],
  ['a struct in itself', blob(composite('struct', 's', 8, member('a', 1, 0))), 'EEXIST', 'Loop detected'],
  [
    'typedefs in a circle',
    blob({ kind: 'typedef', name: 'a', type: 2 }, { kind: 'typedef', name: 'b', type: 1 }),
    'EEXIST',
    'Loop detected',
  ],
  [
    'an enum of 3 bytes',
    blob({ kind: 'enum', name: 'e', sizeBytes: 3, signed: false, enumerators: [] }),
    'EINVAL',
    'Unexpected size',
  ],
  ['an int wider than its bytes', blob({ ...INT, widthBits: 33 }), 'EINVAL', 'nr_bits exceeds type_size'],
  ['int encoding 3', blob({ ...INT, encoding: 3 }), 'ENOTSUPP', 'Unsupported encoding'],
  ['a float of 3 bytes', blob({ kind: 'float', name: 'f', sizeBytes: 3 }), 'EINVAL', 'Invalid type_size'],
  [
    'an array of void',
    blob(INT, { kind: 'array', name: '', elementType: 0, indexType: 1, length: 1 }),
    'EINVAL',
    'Invalid elem',
  ],
  [
    'an array indexed by a pointer',
    blob(INT, { kind: 'ptr', name: '', type: 1 }, { kind: 'array', name: '', elementType: 1, indexType: 2, length: 1 }),
    'EINVAL',
    'Invalid index',
  ],
  [
    'a function of linkage 3',
    blob(
      { kind: 'func_proto', name: '', returnType: 0, parameters: [] },
      { kind: 'func', name: 'f', prototype: 1, linkage: 3 },
    ),
    'EINVAL',
    'Invalid func linkage',
  ],
  ['a name with a space', blob(composite('struct', 'a b', 4)), 'EINVAL', 'Invalid name'],
];

const ACCEPTED: readonly (readonly [string, Uint8Array])[] = [
  ['an int of 3 bytes', blob({ ...INT, sizeBytes: 3, widthBits: 24 })],
  ['an int of 16 bytes', blob({ ...INT, sizeBytes: 16, widthBits: 128 })],
  ['an int of no bits', blob({ ...INT, widthBits: 0 })],
  ['an int at bit 8', blob({ ...INT, offsetBits: 8, widthBits: 8 })],
  ['an int whose name has a space', blob({ ...INT, name: 'unsigned int' })],
  ['an int without a name', blob({ ...INT, name: '' })],
  ['an enum64 of 4 bytes', blob({ kind: 'enum64', name: 'e', sizeBytes: 4, signed: false, enumerators: [] })],
  ['an array of no elements', blob(INT, { kind: 'array', name: '', elementType: 1, indexType: 1, length: 0 })],
  ['a flavoured name', blob({ ...INT, name: 'a___b' })],
  ['two structs of one name', blob(composite('struct', 's', 4), composite('struct', 's', 8))],
  ['two members of one name', blob(INT, composite('struct', 's', 8, member('a', 1, 0), member('a', 1, 32)))],
  [
    'a struct that points at itself',
    blob(composite('struct', 's', 8, member('a', 2, 0)), { kind: 'ptr', name: '', type: 1 }),
  ],
];

describe('the kernel refuses malformed BTF with its own words', () => {
  test.each(REFUSED)('%s', (_, bytes, errno, message) => {
    expect(loadBtf(bytes)).toMatchObject({ kind: 'refused', errno, message });
  });
  test.each(ACCEPTED)('accepts %s', (_, bytes) => {
    expect(loadBtf(bytes)).toMatchObject({ kind: 'loaded' });
  });
  test('a longer header must end in zeros', () => {
    const plain = blob(INT);
    const wide = Uint8Array.from([...plain.subarray(0, 24), 0, 0, 0, 0, ...plain.subarray(24)]);
    wide[4] = 28;
    expect(loadBtf(wide)).toMatchObject({ kind: 'loaded' });
    wide[24] = 1;
    expect(loadBtf(wide)).toMatchObject({ errno: 'E2BIG', message: 'Unsupported btf_header' });
  });
});
