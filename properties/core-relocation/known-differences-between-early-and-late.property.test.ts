import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import type { Btf } from '../../src/model/bpf/btf/blob.ts';
import { BtfBuilder, type NewBtfType } from '../../src/model/bpf/btf/build.ts';
import { type CoreRecord, RECORD_BYTES, writeRecord } from '../../src/model/bpf/btf/core-record.ts';
import { parseBtfExtension } from '../../src/model/bpf/btf/extension.ts';
import { parseBtf } from '../../src/model/bpf/btf/parse.ts';
import { CandidateCache, slotOf, targetFrom } from '../../src/model/bpf/core-relocation/candidates.ts';
import { relocateEarly } from '../../src/model/bpf/core-relocation/early.ts';
import { ProgramImage } from '../../src/model/bpf/core-relocation/image.ts';
import { loadLate, relocateLate } from '../../src/model/bpf/core-relocation/late.ts';
import type { BpfObject, BpfProgram } from '../../src/model/bpf/core-relocation/object.ts';
import { KERNEL_6_18, KERNEL_AFTER_6_18 } from '../../src/model/bpf/core-relocation/policy.ts';
import { isRefusal } from '../../src/model/bpf/core-relocation/refusal.ts';

/** One program of `r0 = value` instructions, a record for each, relocated both ways. Values stand for what clang would have put there. */
interface Question {
  readonly local: readonly NewBtfType[];
  readonly target: readonly NewBtfType[];
  readonly records: readonly {
    readonly type: number;
    readonly access: string;
    readonly kind: number;
    readonly value: number;
  }[];
  readonly functionInfo?: boolean;
  /** Where a record is, if not on its instruction. */
  readonly offset?: number;
  /** Questions asked of the same kernel before. */
  readonly before?: readonly Pick<Question, 'local' | 'records'>[];
}

const build = (types: readonly NewBtfType[], strings: readonly string[] = []): { btf: Btf; offsets: number[] } => {
  const builder = new BtfBuilder();
  for (const type of types) builder.add(type);
  const offsets = strings.map((text) => builder.string(text));
  return { btf: parseBtf(builder.bytes()), offsets };
};

function program({ local, records, offset }: Pick<Question, 'local' | 'records' | 'offset'>) {
  const { btf, offsets } = build(
    local,
    records.map(({ access }) => access),
  );
  const image = new ProgramImage(new Uint8Array(8 * (records.length + 1)));
  records.forEach(({ value }, index) => {
    image.setSlot(index, { opcode: 0xb7, immediate: value });
  });
  image.setSlot(records.length, { opcode: 0x95, immediate: 0 });
  const core = records.map(
    ({ type, kind }, index): CoreRecord => ({
      instructionOffset: offset ?? 8 * index,
      typeId: type,
      accessOffset: offsets[index]!,
      kind,
    }),
  );
  return { btf, image, core };
}

/** Immediates after relocation, or the error. */
function early(question: Question): number[] | string {
  const { btf, image, core } = program(question);
  const main: BpfProgram = {
    name: 'main',
    section: 'socket',
    sectionIndex: 1,
    sectionStart: 0,
    instructions: image.bytes,
    isSubprogram: false,
    autoload: true,
    isGlobal: true,
    staticInBtf: false,
    relocations: [],
    functionInfo: [],
  };
  const object: BpfObject = {
    programs: [main],
    textSection: -1,
    btf,
    coreRelocations: [{ sectionIndex: 1, records: core }],
    maps: [],
    externs: [],
  };
  const relocated = relocateEarly(object, targetFrom(build(question.target).btf));
  return isRefusal(relocated) ? errorOf(relocated) : immediates(relocated[0]!.image);
}

function late(question: Question): number[] | string {
  const finder = new CandidateCache(targetFrom(build(question.target).btf), KERNEL_6_18);
  for (const other of question.before ?? []) load(other, finder);
  return load(question, finder);
}

function load(
  question: Pick<Question, 'local' | 'records' | 'offset' | 'functionInfo'>,
  finder: CandidateCache,
): number[] | string {
  const { btf, image, core } = program(question);
  const bytes = new Uint8Array(core.length * RECORD_BYTES);
  core.forEach((record, index) => {
    writeRecord(bytes, index * RECORD_BYTES, record);
  });
  const loaded = loadLate(
    {
      instructions: image.bytes,
      btf,
      functionInfo: question.functionInfo === false ? [] : [0],
      hasLineInfo: false,
      mapValueBytes: 0,
      records: { bytes, count: core.length, recordSize: RECORD_BYTES },
    },
    { policy: KERNEL_6_18, finder, relocates: 'after-functions-with-debug-info' } as const,
  );
  return isRefusal(loaded) ? errorOf(loaded) : immediates(loaded.image);
}

/** A .BTF.ext with nothing but one CO-RE record, of a section whose name is at 0. */
function extensionWith(record: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(32 + 12 + record.length);
  const header = [0x0001eb9f, 32, 0, 0, 0, 0, 0, 12 + record.length];
  new Uint32Array(bytes.buffer, 0, 11).set([...header, record.length, 0, 1]);
  bytes.set(record, 44);
  return bytes;
}

const errorOf = (refusal: { readonly kind: string; readonly errno?: string }): string => refusal.errno ?? refusal.kind;

function immediates(bytes: Uint8Array): number[] {
  const image = new ProgramImage(bytes);
  return Array.from({ length: image.length - 1 }, (_, index) => image.immediate(index));
}

const INT: NewBtfType = { kind: 'int', name: 'int', sizeBytes: 4, encoding: 1, offsetBits: 0, widthBits: 32 };
const FLOAT: NewBtfType = { kind: 'float', name: 'double', sizeBytes: 8 };
const struct = (
  name: string,
  sizeBytes: number,
  members: Readonly<Record<string, readonly [number, number]>>,
): NewBtfType => ({
  kind: 'struct',
  name,
  sizeBytes,
  hasBitfields: false,
  members: Object.entries(members).map(([member, [type, offset]]) => ({
    name: member,
    type,
    offsetBits: 8 * offset,
    bitfieldBits: 0,
  })),
});
const empty = (kind: 'struct' | 'union', name: string): NewBtfType => ({
  kind,
  name,
  sizeBytes: 0,
  hasBitfields: false,
  members: [],
});
const anEnum = (kind: 'enum' | 'enum64', name: string): NewBtfType => ({
  kind,
  name,
  sizeBytes: kind === 'enum' ? 4 : 8,
  signed: false,
  enumerators: [{ name: 'A', value: 1n }],
});

/** Two kernel structs of one name, of which only the second has the field `ret`. */
const TWO = [INT, struct('tp', 64, { id: [1, 8] }), struct('tp', 24, { id: [1, 8], ret: [1, 16] })];
const TP = [INT, struct('tp', 24, { id: [1, 8], ret: [1, 16] })];
const ofRet = { type: 2, access: '0:1', kind: 0, value: 16 };
const sizeOfTp = { type: 2, access: '0', kind: 9, value: 24 };

describe('known differences between early and late', () => {
  test('V1: libbpf forgets candidates that did not match once, the kernel asks anew', () => {
    const question = { local: TP, target: TWO, records: [ofRet, sizeOfTp] };
    expect(early(question)).toEqual([16, 24]);
    expect(late(question)).toBe('EINVAL');
  });

  test('V2: so for libbpf the order of records matters', () => {
    const question = { local: TP, target: TWO, records: [sizeOfTp, ofRet] };
    expect(early(question)).toBe('EINVAL');
    expect(late(question)).toBe('EINVAL');
  });

  test('V3: libbpf takes an enum64 for an enum, the kernel does not', () => {
    const question = {
      local: [anEnum('enum', 'e')],
      target: [anEnum('enum64', 'e')],
      records: [{ type: 1, access: '0', kind: 8, value: 1 }],
    };
    expect(early(question)).toEqual([1]);
    expect(late(question)).toEqual([0]);
  });

  test('V5: 6.18 does not look at records without func_info or line_info', () => {
    const question = {
      local: [INT, struct('s', 4, { a: [1, 0] })],
      target: [INT, struct('s', 8, { b: [1, 0], a: [1, 4] })],
      records: [{ type: 2, access: '0:0', kind: 0, value: 0 }],
      functionInfo: false,
    };
    expect(early(question)).toEqual([4]);
    expect(late(question)).toEqual([0]);
  });

  test('V6: the kernel compares types two levels deep', () => {
    const nested = [INT, struct('inner', 4, { a: [1, 0] }), struct('outer', 4, { i: [2, 0] })];
    const question = { local: nested, target: nested, records: [{ type: 3, access: '0', kind: 12, value: 1 }] };
    expect(early(question)).toEqual([1]);
    expect(late(question)).toBe('EINVAL');
    const shallow = { ...question, records: [{ type: 2, access: '0', kind: 12, value: 1 }] };
    expect(late(shallow)).toEqual(early(shallow));
  });

  test('V7: glibc reads a sign, the kernel does not', () => {
    const types = [INT, struct('s', 4, { a: [1, 0] })];
    const question = { local: types, target: types, records: [{ type: 2, access: '+0:0', kind: 0, value: 0 }] };
    expect(early(question)).toEqual([0]);
    expect(late(question)).toBe('EINVAL');
  });

  test('V8: the cache of 6.18 answers a struct with what a union of that name found', () => {
    const record = { type: 1, access: '0', kind: 8, value: 1 };
    const question: Question = {
      local: [empty('struct', 'list_head')],
      target: [empty('struct', 'list_head')],
      records: [record],
      before: [{ local: [empty('union', 'list_head')], records: [record] }],
    };
    expect(early(question)).toEqual([1]);
    expect(late(question)).toEqual([0]);
    expect(late({ ...question, before: [] })).toEqual([1]);
  });

  test('V8 heals when another name takes the slot', () => {
    const slot = slotOf('list_head');
    const other = Array.from({ length: 1000 }, (_, number) => `filler${number}`).find((name) => slotOf(name) === slot)!;
    const record = { type: 1, access: '0', kind: 8, value: 1 };
    const question: Question = {
      local: [empty('struct', 'list_head')],
      target: [empty('struct', 'list_head')],
      records: [record],
      before: [
        { local: [empty('union', 'list_head')], records: [record] },
        { local: [empty('struct', other)], records: [record] },
      ],
    };
    expect(late(question)).toEqual([1]);
  });

  test('V12: libbpf passes over a record behind the program, the kernel refuses it', () => {
    const types = [INT, struct('s', 4, { a: [1, 0] })];
    const question = {
      local: types,
      target: types,
      records: [{ type: 2, access: '0:0', kind: 0, value: 0 }],
      offset: 64,
    };
    expect(early(question)).toEqual([0]);
    expect(late(question)).toBe('EINVAL');
  });

  test('V13: libbpf ignores what a record holds beyond 16 bytes, the kernel insists on zeros', () => {
    const { image, btf, core } = program({
      local: [INT, struct('s', 4, { a: [1, 0] })],
      records: [{ type: 2, access: '0:0', kind: 0, value: 0 }],
    });
    const record = new Uint8Array(20);
    writeRecord(record, 0, core[0]!);
    record[19] = 1;
    expect(parseBtfExtension(extensionWith(record)).coreRelocations[0]!.records).toEqual(core);
    const policy = KERNEL_6_18;
    const refused = relocateLate(
      image,
      btf,
      { bytes: record, count: 1, recordSize: 20 },
      {
        policy,
        finder: new CandidateCache(targetFrom(btf), policy),
      },
    );
    expect(refused).toMatchObject({ kind: 'failure', errno: 'E2BIG' });
  });

  test('H1: a float with a namesake in the kernel is nothing to libbpf and the end of 6.18', () => {
    const question = { local: [FLOAT], target: [FLOAT], records: [{ type: 1, access: '0', kind: 8, value: 1 }] };
    expect(early(question)).toEqual([0]);
    expect(late(question)).toBe('oops');
  });

  test('N2: an unsigned enumerator of 2^31 cannot be relocated from a zero-extended 64-bit load', () => {
    const wide: NewBtfType = {
      kind: 'enum',
      name: 'e',
      sizeBytes: 4,
      signed: false,
      enumerators: [{ name: 'A', value: -(2n ** 31n) }],
    };
    const question = {
      local: [wide],
      target: [wide],
      records: [{ type: 1, access: '0', kind: 11, value: -(2 ** 31) }],
    };
    expect(late(question)).toEqual([-(2 ** 31)]);
    const { btf, core } = program(question);
    const image = new ProgramImage(new Uint8Array(24));
    image.setSlot(0, { opcode: 0x18, immediate: -(2 ** 31) });
    image.setSlot(2, { opcode: 0x95, immediate: 0 });
    const bytes = new Uint8Array(RECORD_BYTES);
    writeRecord(bytes, 0, core[0]!);
    const load = { instructions: image.bytes, btf, functionInfo: [0], hasLineInfo: false, mapValueBytes: 0 };
    const finder = new CandidateCache(targetFrom(btf), KERNEL_6_18);
    const kernel = { policy: KERNEL_6_18, finder, relocates: 'after-functions-with-debug-info' } as const;
    const refused = loadLate({ ...load, records: { bytes, count: 1, recordSize: RECORD_BYTES } }, kernel);
    expect(refused).toMatchObject({ kind: 'failure', errno: 'EINVAL' });
    expect(toHex(image.bytes).slice(0, 16)).toBe('1800000000000080');
  });

  test('kernels of autumn 2026 look at records of every load, first of all, and poison only what they could relocate', () => {
    const { btf, core } = program({
      local: [anEnum('enum', 'absent')],
      records: [{ type: 1, access: '0', kind: 11, value: 1 }],
    });
    const exit = new ProgramImage(new Uint8Array(16));
    exit.setSlot(0, { opcode: 0xb7, immediate: 0 });
    exit.setSlot(1, { opcode: 0x95, immediate: 0 });
    const bytes = new Uint8Array(RECORD_BYTES);
    writeRecord(bytes, 0, { ...core[0]!, instructionOffset: 8 });
    const load = { instructions: exit.bytes, btf, functionInfo: [], hasLineInfo: false, mapValueBytes: 0 };
    const records = { bytes, count: 1, recordSize: RECORD_BYTES };
    const finder = new CandidateCache(targetFrom(build([INT]).btf), KERNEL_6_18);
    const old = { policy: KERNEL_6_18, finder, relocates: 'after-functions-with-debug-info' } as const;
    const young = { policy: KERNEL_AFTER_6_18, finder, relocates: 'first' } as const;
    expect(loadLate({ ...load, records }, old)).toMatchObject({ kind: 'loaded' });
    expect(loadLate({ ...load, functionInfo: [0], records }, old)).toMatchObject({ reason: 'jump out of range to 2' });
    expect(loadLate({ ...load, records }, young)).toMatchObject({ reason: 'instruction 1 cannot be relocated' });
  });
});
