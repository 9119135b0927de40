/**
 * What libbpf does with an object, step by step (libbpf.c: bpf_object__relocate(), bpf_object_load_prog(); gen_loader.c).
 * Every method is one decision, so that a historical fault is one decision replaced.
 */
import { type CoreRecord, RECORD_BYTES, writeRecord } from '../../btf/core-record.ts';
import { parseBtfExtension } from '../../btf/extension.ts';
import { BTF_MAGIC, BtfError } from '../../btf/wire.ts';
import { applyRecord } from '../apply-record.ts';
import type { TargetTypes } from '../candidates.ts';
import { CORE_PASS, type CorePass, rememberRecords } from '../core-pass.ts';
import { relocatePristine, withImages } from '../early.ts';
import type { RecordArray } from '../late.ts';
import { type LinkedProgram, linkMains, type MoveRelocation, moveByAppend } from '../link.ts';
import type { BpfObject } from '../object.ts';
import type { RelocationPolicy } from '../policy.ts';
import type { Compiler } from '../program-source/translation-unit.ts';
import { failure, isRefusal, type Refusal } from '../refusal.ts';
import type { CoreProfile } from './profile.ts';

/** How an object gets into the kernel: by libbpf itself, or by the loader program libbpf generates. */
export type Loading = 'direct' | 'light-skeleton';

export class Libbpf {
  readonly profile: CoreProfile;
  policy: RelocationPolicy;
  /** How records find their programs, and which programs' records are looked at. */
  pass: CorePass = CORE_PASS;
  /** How one record is applied. */
  apply = applyRecord;
  /** How a relocation moves with the code it is about. */
  move: MoveRelocation = moveByAppend;

  constructor(profile: CoreProfile) {
    this.profile = profile;
    this.policy = profile.libbpf;
  }

  /** Reads what the compiler wrote beside the types; a header without room for CO-RE records is an old one, and sound. */
  openExtension(header: Uint8Array): Refusal | undefined {
    try {
      parseBtfExtension(header);
      return undefined;
    } catch (error) {
      if (error instanceof BtfError) return failure(error.message);
      throw error;
    }
  }

  /** The pass over an object's CO-RE records: resolved and patched for a direct load, remembered where somebody needs them. */
  relocateCore(object: BpfObject, loading: Loading, target: TargetTypes): BpfObject | Refusal {
    const kept = this.keepsRecords(loading) ? rememberRecords(object, this.pass) : object;
    if (isRefusal(kept) || loading === 'light-skeleton') return kept;
    const { policy, pass, apply } = this;
    const images = relocatePristine(object, target, { policy, pass, apply });
    return isRefusal(images) ? images : withImages(kept, object, images);
  }

  /** Whether a descriptor is made of each record: since 2022 always, before only for those who cannot apply them at once. */
  keepsRecords(loading: Loading): boolean {
    const { remembersRecords } = this.profile.descriptor;
    return remembersRecords === 'always' || remembersRecords === loading;
  }

  /** Copies subprograms behind every main program that calls them. */
  relocateCalls(object: BpfObject): LinkedProgram[] | Refusal {
    return linkMains(object, this.move);
  }

  /** What the generator's check of its own work says; it counts main programs, for a subprogram is never loaded by itself. */
  finishGenerating(_object: BpfObject, _linked: readonly LinkedProgram[]): Refusal | undefined {
    return undefined;
  }

  /** The list that the records of the next program are put into: nothing is left of the program before (I7). */
  beginRecords(_before: readonly CoreRecord[]): readonly CoreRecord[] {
    return [];
  }

  /** The records that the loader passes on for each program, as the kernel gets them. */
  recordsFor(linked: readonly LinkedProgram[]): readonly (readonly CoreRecord[])[] {
    let records: readonly CoreRecord[] = [];
    return linked.map(({ relocations }) => {
      const own = relocations.flatMap((relocation) =>
        relocation.kind === 'core' ? [{ ...relocation.record, instructionOffset: 8 * relocation.index }] : [],
      );
      records = [...this.beginRecords(records), ...own];
      return records;
    });
  }
}

/** The header of a .BTF.ext without content: 24 bytes before CO-RE, 32 since. */
export function extensionHeader(compiler: Compiler): Uint8Array {
  const bytes = new Uint8Array(compiler === 'before-core' ? 24 : 32);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, BTF_MAGIC, true);
  view.setUint8(2, 1);
  view.setUint32(4, bytes.length, true);
  return bytes;
}

/** Records as memory that a load points to. */
export function recordArray(records: readonly CoreRecord[]): RecordArray {
  const bytes = new Uint8Array(records.length * RECORD_BYTES);
  records.forEach((record, position) => {
    writeRecord(bytes, position * RECORD_BYTES, record);
  });
  return { bytes, count: records.length, recordSize: RECORD_BYTES };
}
