import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DESCRIPTOR_PROFILES, descriptorMemory } from '../../src/model/bpf/core-relocation/descriptor.ts';
import { ProgramImage } from '../../src/model/bpf/core-relocation/image.ts';
import { generateLoader, type LightSkeleton } from '../../src/model/bpf/core-relocation/light-skeleton/gen-loader.ts';
import type { BpfObject, BpfProgram } from '../../src/model/bpf/core-relocation/object.ts';
import { isRefusal } from '../../src/model/bpf/core-relocation/refusal.ts';
import { description, generate } from './arbitrary-object.ts';

/** Records of a program in an object, with indexes from the program's start: read from the sections, not from the model's lists. */
const ownRecords = (object: BpfObject, program: BpfProgram): { index: number; typeId: number; kind: number }[] =>
  object.coreRelocations
    .filter(({ sectionIndex }) => sectionIndex === program.sectionIndex)
    .flatMap(({ records }) => records)
    .map(({ instructionOffset, typeId, kind }) => ({
      index: instructionOffset / 8 - program.sectionStart,
      typeId,
      kind,
    }))
    .filter(({ index }) => index >= 0 && index < program.instructions.length / 8);

function skeletonOf(object: BpfObject): LightSkeleton {
  const skeleton = generateLoader(object);
  if (isRefusal(skeleton)) throw new Error(skeleton.reason);
  return skeleton;
}

const runs = { seed: 6, numRuns: 120 };

describe('every record reaches its instruction once', () => {
  test('each loaded program has its own records and those of what was appended, moved, ascending, on the same instructions', () => {
    let moved = 0;
    fc.assert(
      fc.property(description, (described) => {
        const { object } = generate(described);
        const { loads, linked } = skeletonOf(object);
        loads.forEach(({ coreRelocations, instructions }, position) => {
          const { main, appends } = linked[position]!;
          const parts = [
            { program: main, at: 0 },
            ...appends.map(({ subprogram, at }) => ({
              program: object.programs.find(({ name }) => name === subprogram)!,
              at,
            })),
          ];
          const expected = parts.flatMap(({ program, at }) =>
            ownRecords(object, program).map((record) => ({ ...record, index: record.index + at })),
          );
          const given = coreRelocations.map(({ instructionOffset, typeId, kind }) => ({
            index: instructionOffset / 8,
            typeId,
            kind,
          }));
          expect(given).toEqual(expected);
          expect(new Set(appends.map(({ subprogram }) => subprogram)).size).toBe(appends.length);
          const image = new ProgramImage(instructions);
          given.forEach(({ index }, number) => {
            expect(index).toBeLessThan(image.length);
            if (number > 0) expect(index).toBeGreaterThan(given[number - 1]!.index);
            const { program, at } = parts.findLast((part) => part.at <= index)!;
            const pristine = program.instructions.subarray(8 * (index - at), 8 * (index - at) + 8);
            expect(instructions.subarray(8 * index, 8 * index + 8)).toEqual(pristine);
            if (at > 0) moved += 1;
          });
        });
      }),
      runs,
    );
    expect(moved).toBeGreaterThan(100);
  });

  test('generating a loader twice gives the same blob', () => {
    fc.assert(
      fc.property(description, (described) => {
        expect(skeletonOf(generate(described).object).blob).toEqual(skeletonOf(generate(described).object).blob);
      }),
      runs,
    );
  });

  test('the proposed descriptor never takes more than the first posted one, and nothing for direct loads', () => {
    const [before, posted, proposed] = DESCRIPTOR_PROFILES;
    let saved = 0;
    fc.assert(
      fc.property(description, (described) => {
        const { object } = generate(described);
        const memory = (profile: typeof before, loading: 'direct' | 'light-skeleton') => {
          const result = descriptorMemory(object, profile!, loading);
          if (isRefusal(result)) throw new Error(result.reason);
          return result;
        };
        expect(memory(proposed, 'direct')).toEqual(memory(before, 'direct'));
        const [small, large] = [memory(proposed, 'light-skeleton'), memory(posted, 'light-skeleton')];
        expect(small.descriptors).toBe(large.descriptors);
        expect(large.bytes - small.bytes).toBe(12 * small.descriptors);
        saved += large.bytes - small.bytes;
      }),
      runs,
    );
    expect(saved).toBeGreaterThan(0);
  });
});
