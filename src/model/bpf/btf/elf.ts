/**
 * Reads the parts of an ELF object that a BPF loader needs (gabi; llvm_reloc.rst): 64-bit little-endian section headers,
 * one symbol table, and relocations without addends. Everything is checked against the file's length before it is read.
 */

/** Why bytes are no BPF object, in one sentence. */
export class ElfError extends Error {
  override readonly name = 'ElfError';
}

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** SHT_*: 1 PROGBITS, 2 SYMTAB, 3 STRTAB, 8 NOBITS, 9 REL. */
  readonly type: number;
  readonly flags: number;
  readonly sizeBytes: number;
  /** Empty for NOBITS. */
  readonly data: Uint8Array;
  readonly link: number;
  readonly info: number;
}

export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  /** STT_*: 0 NOTYPE, 1 OBJECT, 2 FUNC, 3 SECTION. */
  readonly type: number;
  /** STB_*: 0 LOCAL, 1 GLOBAL, 2 WEAK. */
  readonly binding: number;
  /** STV_*: 0 DEFAULT, 1 INTERNAL, 2 HIDDEN. */
  readonly visibility: number;
  /** 0 for an undefined symbol. */
  readonly section: number;
  readonly value: number;
  readonly sizeBytes: number;
}

export interface ElfRelocation {
  /** Bytes from the start of the section that is relocated. */
  readonly offset: number;
  readonly symbol: number;
  /** R_BPF_*: 1 64_64, 10 64_32. */
  readonly type: number;
}

export interface ElfObject {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** By index of the section they change. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

const HEADER_BYTES = 64;
const SECTION_BYTES = 64;
const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 16;
const BPF_MACHINE = 247;
export const SECTION_TYPE = { progbits: 1, symtab: 2, nobits: 8, rel: 9 } as const;

export function parseElf(bytes: Uint8Array): ElfObject {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || view.getUint32(0) !== 0x7f454c46) throw new ElfError('no ELF header');
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new ElfError('not a 64-bit little-endian object');
  if (view.getUint16(18, true) !== BPF_MACHINE) throw new ElfError('not a BPF object');
  if (view.getUint16(58, true) !== SECTION_BYTES) throw new ElfError('section headers of an unknown size');
  const sections = readSections(bytes, view);
  const table = sections.find(({ type }) => type === SECTION_TYPE.symtab);
  return {
    sections,
    symbols: table === undefined ? [] : readSymbols(table, sections),
    relocations: readRelocations(sections),
  };
}

function readSections(bytes: Uint8Array, view: DataView): ElfSection[] {
  const count = view.getUint16(60, true);
  const start = position(view, 40);
  if (start + count * SECTION_BYTES > bytes.length) throw new ElfError('section headers lie outside the file');
  const headers = Array.from({ length: count }, (_, index) => {
    const at = start + index * SECTION_BYTES;
    const type = view.getUint32(at + 4, true);
    const offset = position(view, at + 24);
    const sizeBytes = position(view, at + 32);
    const present = type !== SECTION_TYPE.nobits && type !== 0;
    if (present && offset + sizeBytes > bytes.length) throw new ElfError(`section ${index} lies outside the file`);
    return {
      index,
      nameOffset: view.getUint32(at, true),
      type,
      flags: position(view, at + 8),
      sizeBytes,
      data: present ? bytes.subarray(offset, offset + sizeBytes) : new Uint8Array(),
      link: view.getUint32(at + 40, true),
      info: view.getUint32(at + 44, true),
    };
  });
  const names = headers[view.getUint16(62, true)]?.data ?? new Uint8Array();
  return headers.map(({ nameOffset, ...header }) => ({ ...header, name: textAt(names, nameOffset) }));
}

function readSymbols(table: ElfSection, sections: readonly ElfSection[]): ElfSymbol[] {
  const view = viewOf(table.data);
  const names = sections[table.link]?.data ?? new Uint8Array();
  return Array.from({ length: Math.floor(table.data.length / SYMBOL_BYTES) }, (_, index) => {
    const at = index * SYMBOL_BYTES;
    const info = view.getUint8(at + 4);
    return {
      index,
      name: textAt(names, view.getUint32(at, true)),
      type: info & 0xf,
      binding: info >> 4,
      visibility: view.getUint8(at + 5) & 3,
      section: view.getUint16(at + 6, true),
      value: position(view, at + 8),
      sizeBytes: position(view, at + 16),
    };
  });
}

function readRelocations(sections: readonly ElfSection[]): Map<number, ElfRelocation[]> {
  const relocations = new Map<number, ElfRelocation[]>();
  for (const { type, data, info } of sections) {
    if (type !== SECTION_TYPE.rel) continue;
    const view = viewOf(data);
    const list = Array.from({ length: Math.floor(data.length / RELOCATION_BYTES) }, (_, index) => ({
      offset: position(view, index * RELOCATION_BYTES),
      type: view.getUint32(index * RELOCATION_BYTES + 8, true),
      symbol: view.getUint32(index * RELOCATION_BYTES + 12, true),
    }));
    relocations.set(info, [...(relocations.get(info) ?? []), ...list]);
  }
  return relocations;
}

/** A 64-bit file position or size; one beyond 2^53 is beyond every file. */
function position(view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true));
  return Number.isSafeInteger(value) ? value : Number.MAX_SAFE_INTEGER;
}

function textAt(strings: Uint8Array, offset: number): string {
  const end = strings.indexOf(0, offset);
  return end < 0 || offset >= strings.length ? '' : Buffer.from(strings.subarray(offset, end)).toString('latin1');
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
