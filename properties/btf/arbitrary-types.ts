/** Arbitrary BTF types for fast-check: any kind, references anywhere in 0 to `largestId`. */
import fc from 'fast-check';
import type { NewBtfType } from '../../src/model/bpf/btf/build.ts';

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const name = fc.constantFrom('', 'a', 'task_struct', 'task_struct___v1', 'x___y___z', '____', 'list');
const signedWord = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map(BigInt);

export function anyType(largestId: number): fc.Arbitrary<NewBtfType> {
  const id = fc.integer({ min: 0, max: largestId });
  const list = <Entry>(entry: fc.Arbitrary<Entry>) => fc.array(entry, { maxLength: 4 });
  return fc.oneof(
    fc.record({
      kind: fc.constant('int' as const),
      name,
      sizeBytes: word,
      encoding: fc.integer({ min: 0, max: 15 }),
      offsetBits: fc.integer({ min: 0, max: 255 }),
      widthBits: fc.integer({ min: 0, max: 255 }),
    }),
    fc.record({ kind: fc.constantFrom('typedef', 'volatile', 'const', 'restrict', 'type_tag'), name, type: id }),
    fc.record({ kind: fc.constant('ptr' as const), name, type: id }),
    fc.record({
      kind: fc.constant('array' as const),
      name: fc.constant(''),
      elementType: id,
      indexType: id,
      length: word,
    }),
    fc.record({
      kind: fc.constantFrom('struct' as const, 'union' as const),
      name,
      sizeBytes: word,
      hasBitfields: fc.constant(true),
      members: list(
        fc.record({
          name,
          type: id,
          offsetBits: fc.integer({ min: 0, max: 0xff_ffff }),
          bitfieldBits: fc.integer({ min: 0, max: 255 }),
        }),
      ),
    }),
    fc.record({
      kind: fc.constant('enum' as const),
      name,
      sizeBytes: word,
      signed: fc.boolean(),
      enumerators: list(fc.record({ name, value: signedWord })),
    }),
    fc.record({
      kind: fc.constant('enum64' as const),
      name,
      sizeBytes: word,
      signed: fc.boolean(),
      enumerators: list(fc.record({ name, value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) })),
    }),
    fc.record({ kind: fc.constant('fwd' as const), name, isUnion: fc.boolean() }),
    fc.record({ kind: fc.constant('func' as const), name, prototype: id, linkage: fc.integer({ min: 0, max: 3 }) }),
    fc.record({
      kind: fc.constant('func_proto' as const),
      name: fc.constant(''),
      returnType: id,
      parameters: list(fc.record({ name, type: id })),
    }),
    fc.record({ kind: fc.constant('var' as const), name, type: id, linkage: word }),
    fc.record({
      kind: fc.constant('datasec' as const),
      name,
      sizeBytes: word,
      entries: list(fc.record({ type: id, offsetBytes: word, sizeBytes: word })),
    }),
    fc.record({ kind: fc.constant('float' as const), name, sizeBytes: word }),
    fc.record({
      kind: fc.constant('decl_tag' as const),
      name,
      type: id,
      componentIndex: fc.integer({ min: -1, max: 9 }),
    }),
  );
}
