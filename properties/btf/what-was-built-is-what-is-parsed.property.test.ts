import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BtfBuilder } from '../../src/model/bpf/btf/build.ts';
import { parseBtf } from '../../src/model/bpf/btf/parse.ts';
import { anyType } from './arbitrary-types.ts';

test('what was built is what is parsed', () => {
  fc.assert(
    fc.property(fc.array(anyType(6), { minLength: 6, maxLength: 6 }), (types) => {
      const builder = new BtfBuilder();
      for (const type of types) builder.add(type);
      const btf = parseBtf(builder.bytes());
      expect(btf.typeCount).toBe(6);
      types.forEach((type, index) => {
        expect(btf.type(index + 1)).toEqual({ id: index + 1, ...type });
      });
    }),
    { seed: 1, numRuns: 500 },
  );
});
