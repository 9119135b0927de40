import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { RecordedTargets, targetLines } from '../../src/conform/core-targets.ts';
import { RECORD_BYTES, writeRecord } from '../../src/model/bpf/btf/core-record.ts';
import { CandidateCache, targetFrom } from '../../src/model/bpf/core-relocation/candidates.ts';
import { rememberRecords } from '../../src/model/bpf/core-relocation/core-pass.ts';
import { relocateEarly } from '../../src/model/bpf/core-relocation/early.ts';
import { ProgramImage } from '../../src/model/bpf/core-relocation/image.ts';
import { relocateLate } from '../../src/model/bpf/core-relocation/late.ts';
import { generateLoader, recordsGiven } from '../../src/model/bpf/core-relocation/light-skeleton/gen-loader.ts';
import { linkProgram, type MoveRelocation, moveByAppend } from '../../src/model/bpf/core-relocation/link.ts';
import { openObject } from '../../src/model/bpf/core-relocation/object-from-elf.ts';
import { POISON_CALL } from '../../src/model/bpf/core-relocation/patch.ts';
import { KERNEL_6_18 } from '../../src/model/bpf/core-relocation/policy.ts';
import { isRefusal } from '../../src/model/bpf/core-relocation/refusal.ts';
import { type Description, description, type Generated, generate } from './arbitrary-object.ts';
import { goldenCompanions, goldenLines } from './golden-files.ts';

/** Images of all mains, by the early way. */
function earlyImages({ object, target }: Generated): string[] | undefined {
  const relocated = relocateEarly(object, targetFrom(target));
  return isRefusal(relocated) ? undefined : relocated.map(({ image }) => toHex(image));
}

/** Images of all mains, by the light skeleton's blob and the kernel; `arrange` may change the record array. */
function lateImages(
  { object, target }: Generated,
  arrange = (bytes: Uint8Array): Uint8Array => bytes,
): string[] | undefined {
  const skeleton = generateLoader(object);
  if (isRefusal(skeleton)) return undefined;
  const finder = new CandidateCache(targetFrom(target), KERNEL_6_18);
  const images: string[] = [];
  for (const call of skeleton.calls) {
    if (call.command !== 'prog-load') continue;
    const bytes = arrange(recordsGiven(skeleton.blob, call.attributes));
    const image = ProgramImage.copyOf(skeleton.loads[images.length]!.instructions);
    const records = { bytes, count: bytes.length / RECORD_BYTES, recordSize: RECORD_BYTES };
    if (relocateLate(image, object.btf!, records, { policy: KERNEL_6_18, finder }) !== undefined) return undefined;
    images.push(toHex(image.bytes));
  }
  return images;
}

const reversedRecords = (bytes: Uint8Array): Uint8Array => {
  const count = bytes.length / RECORD_BYTES;
  const result = new Uint8Array(bytes.length);
  for (let index = 0; index < count; index++)
    result.set(bytes.subarray(index * RECORD_BYTES, (index + 1) * RECORD_BYTES), (count - 1 - index) * RECORD_BYTES);
  return result;
};

const flavoured = (described: Description): Description => ({
  ...described,
  structures: described.structures.map((structure) => ({ ...structure, flavour: '___v1' as const })),
});

const runs = { seed: 4, numRuns: 120 };

const layouts = goldenLines('light-skeleton-layout.jsonl.gz') as
  | readonly { readonly elf: string; readonly early: { readonly err: number } }[]
  | undefined;

describe('early and late give the same program', () => {
  test.skipIf(layouts === undefined)('for real objects against the types of a real kernel', () => {
    const target = new RecordedTargets(targetLines(goldenCompanions));
    const finder = new CandidateCache(target, KERNEL_6_18);
    let programs = 0;
    for (const { elf } of layouts!.filter(({ early }) => early.err === 0)) {
      const object = openObject(fromHex(elf)!);
      if (isRefusal(object)) throw new Error(object.reason);
      const early = relocateEarly(object, target);
      const skeleton = generateLoader(object);
      if (isRefusal(early) || isRefusal(skeleton)) throw new Error('an object that libbpf prepared is refused');
      skeleton.linked.forEach(({ image: pristine }, position) => {
        const image = ProgramImage.copyOf(pristine);
        const loads = skeleton.calls.filter(({ command }) => command === 'prog-load');
        const call = loads[position]!;
        const bytes = recordsGiven(skeleton.blob, call.command === 'prog-load' ? call.attributes : 0);
        const records = { bytes, count: bytes.length / RECORD_BYTES, recordSize: RECORD_BYTES };
        expect(relocateLate(image, object.btf!, records, { policy: KERNEL_6_18, finder })).toBeUndefined();
        expect(toHex(image.bytes)).toBe(toHex(early[position]!.image));
        programs += 1;
      });
    }
    expect(programs).toBeGreaterThan(400);
  });

  test('for unique candidates, whatever calls what', () => {
    let poisoned = 0;
    fc.assert(
      fc.property(description, (described) => {
        const generated = generate(described);
        const early = earlyImages(generated);
        expect(lateImages(generated)).toEqual(early);
        expect(early).toBeDefined();
        if (early!.some((image) => image.includes(toHex(poisonBytes())))) poisoned += 1;
      }),
      runs,
    );
    expect(poisoned).toBeGreaterThan(25);
  });

  test('the order of records does not matter', () => {
    fc.assert(
      fc.property(description, (described) => {
        const generated = generate(described);
        expect(lateImages(generated, reversedRecords)).toEqual(lateImages(generated));
      }),
      runs,
    );
  });

  test('nor do flavours of local names', () => {
    fc.assert(
      fc.property(description, (described) => {
        expect(earlyImages(generate(flavoured(described)))).toEqual(earlyImages(generate(described)));
      }),
      runs,
    );
  });

  test('a program does not depend on which others are in the object', () => {
    fc.assert(
      fc.property(description, (described) => {
        const all = lateImages(generate(described));
        const first = lateImages(generate({ ...described, mains: described.mains.slice(0, 1) }));
        expect(first).toEqual(all?.slice(0, 1));
      }),
      runs,
    );
  });

  test.each<[string, MoveRelocation]>([
    ['forgotten', (relocation) => relocation],
    ['added twice', (relocation, at) => ({ ...relocation, index: relocation.index + 2 * at })],
    ['added in bytes', (relocation, at) => ({ ...relocation, index: relocation.index + 8 * at })],
  ])('a shift that is %s when code is appended is found', (_, move) => {
    const caught = fc.check(
      fc.property(
        description,
        (described) => lateByMove(generate(described), move) === lateByMove(generate(described), moveByAppend),
      ),
      { seed: 5, numRuns: 200 },
    );
    expect(caught.failed).toBe(true);
    const [smallest] = caught.counterexample!;
    const { object } = generate(smallest);
    expect(object.coreRelocations.flatMap(({ records }) => records).length).toBeLessThanOrEqual(4);
    expect(object.programs.reduce((sum, { instructions }) => sum + instructions.length / 8, 0)).toBeLessThanOrEqual(8);
  });
});

/** What the kernel makes of the first main when records move in this way; refusals count as an outcome. */
function lateByMove({ object, target }: Generated, move: MoveRelocation): string {
  const remembered = rememberRecords(object);
  if (isRefusal(remembered)) return remembered.reason;
  const main = remembered.programs.find(({ isSubprogram }) => !isSubprogram)!;
  const linked = linkProgram(remembered, main, move);
  if (isRefusal(linked)) return linked.reason;
  const core = linked.relocations.flatMap((relocation) => (relocation.kind === 'core' ? [relocation] : []));
  const bytes = new Uint8Array(core.length * RECORD_BYTES);
  core.forEach(({ index, record }, position) => {
    writeRecord(bytes, position * RECORD_BYTES, { ...record, instructionOffset: 8 * index });
  });
  const image = ProgramImage.copyOf(linked.image);
  const finder = new CandidateCache(targetFrom(target), KERNEL_6_18);
  const records = { bytes, count: core.length, recordSize: RECORD_BYTES };
  const refused = relocateLate(image, object.btf!, records, { policy: KERNEL_6_18, finder });
  return refused === undefined ? toHex(image.bytes) : refused.reason;
}

/** The call that stands where nothing was found. */
function poisonBytes(): Uint8Array {
  const image = new ProgramImage(new Uint8Array(8));
  image.setSlot(0, { opcode: 0x85, immediate: POISON_CALL });
  return image.bytes;
}
