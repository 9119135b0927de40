/**
 * A light skeleton (tools/lib/bpf/gen_loader.c): instead of loading an object, libbpf writes a loader program and a blob
 * that holds everything the loader passes to bpf(). Modelled are the calls the loader makes, in order, and the parts of the
 * blob that programs are loaded from. Left out, because CO-RE does not depend on them: the loader's own instructions, which
 * only move descriptors between calls, line information, map definitions and the BTF in the blob.
 *
 *   per program, each part padded to 8 bytes:  license | instructions | func_info | core_relos | attributes (140 bytes)
 */
import { roundUp } from '../../../../base/word.ts';
import { type CoreRecord, RECORD_BYTES, writeRecord } from '../../btf/core-record.ts';
import { addressed } from '../address.ts';
import { rememberRecords } from '../core-pass.ts';
import { type LinkedProgram, linkMains } from '../link.ts';
import type { BpfObject } from '../object.ts';
import { isRefusal, type Refusal } from '../refusal.ts';
import { programTypeOf } from './program-type.ts';

/** Size of the attributes of a load: up to the end of core_relo_rec_size. */
const ATTRIBUTE_BYTES = 140;
/** Places in struct bpf_attr for BPF_PROG_LOAD (include/uapi/linux/bpf.h), in bytes. */
const ATTRIBUTE = {
  programType: 0,
  instructionCount: 4,
  instructions: 8,
  license: 16,
  functionInfoSize: 76,
  functionInfo: 80,
  functionInfoCount: 88,
  coreRelocationCount: 116,
  coreRelocations: 128,
  coreRelocationSize: 136,
} as const;

/** What one program load gets. Offsets in the records are bytes from the start of the image. */
interface ProgramLoad {
  readonly name: string;
  readonly programType: number;
  /** Place of the main program among all programs of the object. */
  readonly programIndex: number;
  readonly instructions: Uint8Array;
  readonly functionInfo: readonly { readonly index: number; readonly typeId: number }[];
  readonly coreRelocations: readonly CoreRecord[];
}

/** One bpf() call of the loader; offsets are places in the blob. Pointers in attributes are blob offsets until the loader adds its base. */
type LoaderCall =
  | { readonly command: 'btf-load' }
  | { readonly command: 'map-create'; readonly map: number }
  | { readonly command: 'prog-load'; readonly name: string; readonly attributes: number };

export interface LightSkeleton {
  readonly loads: readonly ProgramLoad[];
  readonly linked: readonly LinkedProgram[];
  readonly blob: Uint8Array;
  readonly calls: readonly LoaderCall[];
}

/** Generates the loader of an object: records are remembered, moved with the code that is appended, and passed on as they are. */
export function generateLoader(object: BpfObject): LightSkeleton | Refusal {
  const remembered = rememberRecords(object);
  if (isRefusal(remembered)) return remembered;
  const linked = linkMains(remembered);
  if (isRefusal(linked)) return linked;
  const loads = linked.map((program) => programLoad(remembered, program));
  const writer = new BlobWriter();
  const calls: LoaderCall[] = [];
  if (object.btf !== undefined) calls.push({ command: 'btf-load' });
  calls.push(...object.maps.map((_, map): LoaderCall => ({ command: 'map-create', map })));
  for (const load of loads) calls.push({ command: 'prog-load', name: load.name, attributes: writer.program(load) });
  return { loads, linked, blob: writer.bytes(), calls };
}

function programLoad(object: BpfObject, linked: LinkedProgram): ProgramLoad {
  const { main, relocations, functionInfo } = linked;
  return {
    name: main.name,
    programType: programTypeOf(main.section),
    programIndex: object.programs.indexOf(main),
    instructions: addressed(object, linked, 'light-skeleton'),
    functionInfo,
    // The list starts empty for every program: what is kept from the one before would be applied to this one (I7).
    coreRelocations: relocations.flatMap((relocation) =>
      relocation.kind === 'core' ? [{ ...relocation.record, instructionOffset: relocation.index * 8 }] : [],
    ),
  };
}

/** Reads back what the kernel is given by a prog-load call. */
export function recordsGiven(blob: Uint8Array, attributes: number): Uint8Array {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const count = view.getUint32(attributes + ATTRIBUTE.coreRelocationCount, true);
  const start = Number(view.getBigUint64(attributes + ATTRIBUTE.coreRelocations, true));
  return blob.slice(start, start + count * view.getUint32(attributes + ATTRIBUTE.coreRelocationSize, true));
}

class BlobWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** Writes one program's parts and gives the place of its attributes. */
  program(load: ProgramLoad): number {
    const license = this.#add(new TextEncoder().encode('GPL\0'));
    const instructions = this.#add(load.instructions);
    const functionInfo = this.#add(
      new Uint8Array(Uint32Array.from(load.functionInfo.flatMap(({ index, typeId }) => [index, typeId])).buffer),
    );
    const records = new Uint8Array(load.coreRelocations.length * RECORD_BYTES);
    load.coreRelocations.forEach((record, position) => {
      writeRecord(records, position * RECORD_BYTES, record);
    });
    const coreRelocations = this.#add(records);
    const attributes = new DataView(new ArrayBuffer(ATTRIBUTE_BYTES));
    const word = (at: number, value: number): void => attributes.setUint32(at, value, true);
    const pointer = (at: number, value: number): void => attributes.setBigUint64(at, BigInt(value), true);
    word(ATTRIBUTE.programType, load.programType);
    word(ATTRIBUTE.instructionCount, load.instructions.length / 8);
    pointer(ATTRIBUTE.instructions, instructions);
    pointer(ATTRIBUTE.license, license);
    word(ATTRIBUTE.functionInfoSize, 8);
    word(ATTRIBUTE.functionInfoCount, load.functionInfo.length);
    pointer(ATTRIBUTE.functionInfo, functionInfo);
    word(ATTRIBUTE.coreRelocationCount, load.coreRelocations.length);
    pointer(ATTRIBUTE.coreRelocations, coreRelocations);
    word(ATTRIBUTE.coreRelocationSize, RECORD_BYTES);
    return this.#add(new Uint8Array(attributes.buffer));
  }

  bytes(): Uint8Array {
    const blob = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      blob.set(part, at);
      at += roundUp(part.length, 8);
    }
    return blob;
  }

  #add(part: Uint8Array): number {
    const at = this.#length;
    this.#parts.push(part);
    this.#length += roundUp(part.length, 8);
    return at;
  }
}
