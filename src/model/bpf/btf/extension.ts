/**
 * Reads .BTF.ext (libbpf's btf.c:btf_ext_parse(); Documentation/bpf/btf.rst): per ELF section, where functions start and
 * which instructions CO-RE relocates. Line information is not read: nothing modelled depends on it.
 *
 *   header       magic version flags hdr_len | func_info off,len | line_info off,len | core_relo off,len (if hdr_len >= 32)
 *   sub-section  record_size | { section name, count, count records } ...       offsets count from the end of the header
 */
import { type CoreRecord, readRecord } from './core-record.ts';
import { BTF_MAGIC, BtfError } from './wire.ts';

interface FunctionInfo {
  /** Bytes from the start of the section. */
  readonly instructionOffset: number;
  /** A FUNC in the object's BTF. */
  readonly typeId: number;
}

/** Records of one ELF section; its name is an offset into the BTF strings. */
interface SectionRecords<Entry> {
  readonly sectionNameOffset: number;
  readonly records: readonly Entry[];
}

export interface BtfExtension {
  readonly functionInfo: readonly SectionRecords<FunctionInfo>[];
  readonly coreRelocations: readonly SectionRecords<CoreRecord>[];
}

/** Parses a .BTF.ext section; throws {@link BtfError} for what libbpf refuses. An absent sub-section is empty. */
export function parseBtfExtension(bytes: Uint8Array): BtfExtension {
  if (bytes.length < 8) throw new BtfError('.BTF.ext is shorter than its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = view.getUint32(4, true);
  if (view.getUint16(0, true) !== BTF_MAGIC) throw new BtfError('.BTF.ext has a wrong magic');
  if (headerLength < 24 || headerLength > bytes.length) throw new BtfError('.BTF.ext has a wrong header length');
  const list = <Entry>(at: number, smallest: number, read: (place: number) => Entry): SectionRecords<Entry>[] => {
    if (at + 8 > headerLength) return [];
    const start = headerLength + view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    return length === 0 ? [] : readSections(view, start, length, smallest, read);
  };
  return {
    functionInfo: list(8, 8, (place) => ({
      instructionOffset: view.getUint32(place, true),
      typeId: view.getUint32(place + 4, true),
    })),
    coreRelocations: list(24, 16, (place) => readRecord(bytes, place)),
  };
}

function readSections<Entry>(
  view: DataView,
  start: number,
  length: number,
  smallest: number,
  read: (place: number) => Entry,
): SectionRecords<Entry>[] {
  const end = start + length;
  if (start % 4 !== 0 || end > view.byteLength || length < 4)
    throw new BtfError('.BTF.ext: a sub-section lies outside');
  const recordSize = view.getUint32(start, true);
  if (recordSize < smallest || recordSize % 4 !== 0) throw new BtfError(`.BTF.ext: records of ${recordSize} bytes`);
  if (start + 4 === end) throw new BtfError('.BTF.ext: a sub-section without records');
  const sections: SectionRecords<Entry>[] = [];
  for (let at = start + 4; at < end; ) {
    if (at + 8 > end) throw new BtfError('.BTF.ext: a section header is cut short');
    const sectionNameOffset = view.getUint32(at, true);
    const count = view.getUint32(at + 4, true);
    if (count === 0) throw new BtfError('.BTF.ext: a section without records');
    if (count * recordSize > end - at - 8) throw new BtfError('.BTF.ext: records are cut short');
    const records = Array.from({ length: count }, (_, index) => read(at + 8 + index * recordSize));
    sections.push({ sectionNameOffset, records });
    at += 8 + count * recordSize;
  }
  return sections;
}
