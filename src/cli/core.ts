import { resolve } from 'node:path';
import { InputError } from '../language/input-error.ts';
import { ElfError } from '../model/bpf/btf/elf.ts';
import { BtfError } from '../model/bpf/btf/wire.ts';
import { targetFrom } from '../model/bpf/core-relocation/candidates.ts';
import {
  compareObject,
  type RecordComparison,
  type RecordOutcome,
} from '../model/bpf/core-relocation/compare-object.ts';
import {
  DESCRIPTOR_PROFILES,
  type DescriptorMemory,
  descriptorMemory,
} from '../model/bpf/core-relocation/descriptor.ts';
import type { BpfObject } from '../model/bpf/core-relocation/object.ts';
import { openObject } from '../model/bpf/core-relocation/object-from-elf.ts';
import { isRefusal } from '../model/bpf/core-relocation/refusal.ts';
import { counted, grouped } from '../report/numbers.ts';
import type { Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import { inFile, readBytes } from './files.ts';
import { RUNNING_KERNEL, readKernelTypes } from './kernel-types.ts';
import type { Verb } from './verb.ts';

/** Whether an object behaves as a light skeleton as it does when libbpf loads it, as far as CO-RE goes. */
export const coreVerb: Verb = {
  name: 'core',
  does: 'shows what libbpf and what a 6.18 kernel would make of each CO-RE relocation of an object, and where they differ',
  words: [{ syntax: '<object>', does: 'a BPF object file made by clang with -g' }],
  options: [
    {
      syntax: '--btf <file>',
      does: "the kernel's types, as /sys/kernel/btf/vmlinux shows them",
      default: RUNNING_KERNEL,
    },
  ],
  async act(desk, [path], { btf }: { readonly btf: string }) {
    const { folder } = desk.surroundings;
    const object = readAs(path!, 'BPF object', () => openRelocatable(resolve(folder, path!)));
    const kernel = readAs(btf, 'BTF of a kernel', () => readKernelTypes(resolve(folder, btf)));
    const records = compareObject(object, targetFrom(kernel));
    if (isRefusal(records)) throw new InputError(`libbpf cannot link this object: ${records.reason}`).in(path!);
    for (const record of records) tell(desk, record);
    const differing = records.filter(({ same }) => !same).length;
    summarise(desk, records, differing);
    const memory = descriptorTable(object);
    if (records.length > 0) tellMemory(desk, memory);
    return {
      exitCode: differing === 0 ? ALL_WELL : FOUND_SOMETHING,
      document: { object: path, btf, relocations: records, differing, memory },
    };
  },
};

/** What libbpf's relocation descriptors for an object take, in each form that was posted or merged. */
function descriptorTable(object: BpfObject): readonly DescriptorRow[] {
  return DESCRIPTOR_PROFILES.flatMap((profile) => {
    const lightSkeleton = descriptorMemory(object, profile, 'light-skeleton');
    const direct = descriptorMemory(object, profile, 'direct');
    if (isRefusal(lightSkeleton) || isRefusal(direct)) return [];
    return [{ form: profile.name, descriptorBytes: profile.descriptorBytes, lightSkeleton, direct }];
  });
}

interface DescriptorRow {
  readonly form: string;
  readonly descriptorBytes: number;
  readonly lightSkeleton: DescriptorMemory;
  readonly direct: DescriptorMemory;
}

function tellMemory(desk: Desk, rows: readonly DescriptorRow[]): void {
  desk.say();
  desk.say('What libbpf remembers of them until they are applied, in the forms of its relocation descriptor:');
  for (const { form, descriptorBytes, lightSkeleton, direct } of rows) {
    const each = `${form.padEnd(14)} ${descriptorBytes} bytes each`;
    desk.say(`  ${each}; light skeleton ${memoryText(lightSkeleton)}; direct load ${memoryText(direct)}`);
  }
}

function memoryText({ bytes, bytesForRecords, records }: DescriptorMemory): string {
  const total = `${grouped(bytes)} bytes`;
  if (records > 0)
    return `${total}, ${(bytesForRecords / records).toFixed(1)} for each of ${counted(records, 'record')}`;
  return bytesForRecords > 0 ? `${total}, ${grouped(bytesForRecords)} without use` : total;
}

function openRelocatable(path: string): BpfObject {
  const object = openObject(readBytes(path));
  if (isRefusal(object)) throw new InputError(`libbpf cannot open this object: ${object.reason}`);
  if (object.btf === undefined) throw new InputError('the object has no .BTF section; compile it with clang -g');
  return object;
}

/** What a file of another form is found to be becomes the user's mistake in that file. */
function readAs<Result>(path: string, what: string, read: () => Result): Result {
  return inFile(path, () => {
    try {
      return read();
    } catch (error) {
      if (error instanceof ElfError || error instanceof BtfError)
        throw new InputError(`this is no ${what}: ${error.message}`);
      throw error;
    }
  });
}

function tell(desk: Desk, record: RecordComparison): void {
  const { colours } = desk;
  const mark = record.same ? colours.green('same') : colours.red('DIFF');
  desk.say(`${mark}  ${record.program}+${record.index}  ${colours.bold(record.spelling)}`);
  desk.say(`      ${record.kind} of local type ${record.localType}, access ${JSON.stringify(record.access)}`);
  desk.say(`      object      ${record.instruction}`);
  const early = candidateText(record.candidates);
  const late = candidateText(record.lateCandidates);
  if (record.late.kind === 'not-loaded' || early === late) desk.say(`      candidates  ${early}`);
  else {
    desk.say(`      candidates  ${early} (libbpf)`);
    desk.say(`                  ${late} (kernel)`);
  }
  desk.say(`      libbpf      ${outcomeText(record.early, 'the object is refused')}`);
  desk.say(`      kernel      ${outcomeText(record.late, 'the load is refused')}`);
}

const candidateText = (candidates: RecordComparison['candidates']): string =>
  candidates.length === 0 ? 'none' : candidates.map(({ id, spelling }) => `${spelling} [${id}]`).join(', ');

function outcomeText(outcome: RecordOutcome, refused: string): string {
  switch (outcome.kind) {
    case 'patched':
      return outcome.instruction;
    case 'poisoned':
      return 'poisoned: nothing was found, so the program loads only where this instruction cannot be reached';
    case 'not-loaded':
      return 'never seen: no loaded program calls this function';
    case 'ignored':
      return `${outcome.instruction} (unpatched: 6.18 ignores the records of a program without func_info)`;
    case 'failure':
      return `${refused} with ${outcome.errno}: ${outcome.reason}`;
    case 'oops':
      return `THE KERNEL CRASHES: ${outcome.reason}; do not load this as a light skeleton`;
  }
}

function summarise(desk: Desk, records: readonly RecordComparison[], differing: number): void {
  const total = counted(records.length, 'relocation');
  desk.say();
  if (records.length === 0) desk.say('The object has no CO-RE relocations.');
  else if (differing === 0) desk.say(`${total}: libbpf and the kernel do the same to each.`);
  else desk.say(`${total}, ${differing} of them not the same for libbpf and for the kernel.`);
  if (records.some(({ early }) => isRefusal(early))) desk.say('A direct load of the whole object fails.');
  if (records.some(({ late }) => isRefusal(late))) desk.say('A light skeleton of the object fails to load.');
}
