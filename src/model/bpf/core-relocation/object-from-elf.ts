/**
 * What libbpf makes of an ELF object when it opens it (libbpf.c: bpf_object__elf_collect(), bpf_object__add_programs(),
 * bpf_object__collect_externs(), bpf_object__init_maps(), bpf_program__record_reloc()). Left out: struct_ops, kconfig
 * values, arenas, jump tables and exception callbacks, none of which CO-RE records depend on.
 */

import type { Btf } from '../btf/blob.ts';
import {
  type ElfObject,
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  parseElf,
  SECTION_TYPE,
} from '../btf/elf.ts';
import { type BtfExtension, parseBtfExtension } from '../btf/extension.ts';
import { parseBtf } from '../btf/parse.ts';
import { CALL, LD_IMM64, ProgramImage, PSEUDO_CALL } from './image.ts';
import { type BpfObject, type BpfProgram, type Extern, type Relocation, sortedRelocations } from './object.ts';
import { type Failure, failure, isRefusal } from './refusal.ts';

const SYMBOL = { notype: 0, func: 2, section: 3 } as const;
const BINDING = { local: 0, global: 1, weak: 2 } as const;
const EXECUTABLE = 4;

/** Opens an object; throws ElfError or BtfError where the file itself is malformed. */
export function openObject(bytes: Uint8Array): BpfObject | Failure {
  const elf = parseElf(bytes);
  const btfSection = elf.sections.find(({ name }) => name === '.BTF');
  const extensionSection = elf.sections.find(({ name }) => name === '.BTF.ext');
  const btf = btfSection && parseBtf(btfSection.data);
  const extension = btf && extensionSection && parseBtfExtension(extensionSection.data);
  const textSection =
    elf.sections.find(({ name, type }) => name === '.text' && type === SECTION_TYPE.progbits)?.index ?? -1;
  const maps = [...userMaps(elf, btf), ...dataMaps(elf)];
  const externs = collectExterns(elf, btf);
  const context: Context = { elf, btf, extension, textSection, maps, externs };
  const programs: BpfProgram[] = [];
  for (const section of elf.sections) {
    if (section.type !== SECTION_TYPE.progbits || (section.flags & EXECUTABLE) === 0) continue;
    const found = programsOf(section, context);
    if (isRefusal(found)) return found;
    programs.push(...found);
  }
  return {
    programs,
    textSection,
    btf,
    coreRelocations: bySection(extension?.coreRelocations ?? [], context).filter(({ sectionIndex }) =>
      programs.some((program) => program.sectionIndex === sectionIndex),
    ),
    maps,
    externs: externs.map(({ name, typed, weak }) => ({ name, typed, weak })),
  };
}

interface Context {
  readonly elf: ElfObject;
  readonly btf: Btf | undefined;
  readonly extension: BtfExtension | undefined;
  readonly textSection: number;
  readonly maps: BpfObject['maps'];
  readonly externs: readonly (Extern & { readonly symbol: number })[];
}

/** The functions of a section, by place. */
function programsOf(section: ElfSection, context: Context): BpfProgram[] | Failure {
  const programs: BpfProgram[] = [];
  const functions = context.elf.symbols.filter(
    (symbol) => symbol.section === section.index && symbol.type === SYMBOL.func,
  );
  const isSubprogram = section.index === context.textSection;
  for (const symbol of functions.toSorted((left, right) => left.value - right.value)) {
    if (symbol.value + symbol.sizeBytes > section.data.length || symbol.value % 8 !== 0 || symbol.sizeBytes % 8 !== 0)
      return failure(`function ${symbol.name} does not fit section ${section.name}`);
    if (!isSubprogram && symbol.binding === BINDING.local)
      return failure(`static function ${symbol.name} outside .text is not supported`);
    const sectionStart = symbol.value / 8;
    const instructions = section.data.slice(symbol.value, symbol.value + symbol.sizeBytes);
    const relocations = relocationsOf(section, sectionStart, instructions, context);
    if (isRefusal(relocations)) return relocations;
    programs.push({
      name: symbol.name,
      section: section.name.replace(/^\?/, ''),
      sectionIndex: section.index,
      sectionStart,
      instructions,
      isSubprogram,
      autoload: !section.name.startsWith('?'),
      isGlobal: symbol.binding !== BINDING.local,
      staticInBtf: symbol.binding !== BINDING.local && (symbol.visibility === 1 || symbol.visibility === 2),
      relocations: sortedRelocations(relocations),
      functionInfo: functionInfoOf(section.index, sectionStart, instructions.length / 8, context),
    });
  }
  return programs;
}

function functionInfoOf(
  sectionIndex: number,
  start: number,
  count: number,
  context: Context,
): BpfProgram['functionInfo'] {
  return bySection(context.extension?.functionInfo ?? [], context)
    .filter((section) => section.sectionIndex === sectionIndex)
    .flatMap(({ records }) => records)
    .map(({ instructionOffset, typeId }) => ({ index: instructionOffset / 8 - start, typeId }))
    .filter(({ index }) => index >= 0 && index < count);
}

/** Records with the index of the ELF section their name stands for; those of sections the object lacks are dropped. */
function bySection<Entry>(
  sections: readonly { readonly sectionNameOffset: number; readonly records: readonly Entry[] }[],
  { elf, btf }: Context,
): { readonly sectionIndex: number; readonly records: readonly Entry[] }[] {
  return sections.flatMap(({ sectionNameOffset, records }) => {
    const name = btf?.string(sectionNameOffset);
    const section = elf.sections.find((candidate) => candidate.name === name);
    return section === undefined ? [] : [{ sectionIndex: section.index, records }];
  });
}

function relocationsOf(
  section: ElfSection,
  start: number,
  instructions: Uint8Array,
  context: Context,
): Relocation[] | Failure {
  const image = new ProgramImage(instructions);
  const relocations: Relocation[] = [];
  for (const entry of context.elf.relocations.get(section.index) ?? []) {
    const index = Math.floor(entry.offset / 8) - start;
    if (index < 0 || index >= image.length) continue;
    const relocation = recordRelocation(image, index, entry, context);
    if (isRefusal(relocation)) return relocation;
    relocations.push(relocation);
  }
  return relocations;
}

function recordRelocation(
  image: ProgramImage,
  index: number,
  entry: ElfRelocation,
  context: Context,
): Relocation | Failure {
  const symbol = context.elf.symbols[entry.symbol];
  if (symbol === undefined) return failure(`relocation against missing symbol ${entry.symbol}`);
  const isCall = image.opcode(index) === CALL;
  if (!isCall && image.opcode(index) !== LD_IMM64)
    return failure(`relocation of instruction ${index}, which holds no address`);
  const extern = context.externs.findIndex((candidate) => candidate.symbol === symbol.index);
  if (extern >= 0) return { kind: isCall ? 'extern-call' : 'extern-load', index, extern };
  const symbolOffset = symbol.value;
  const inText = symbol.section === context.textSection;
  if (isCall) {
    const reachable = inText && image.source(index) === PSEUDO_CALL;
    return reachable ? { kind: 'call', index, symbolOffset } : failure(`call of ${symbol.name} outside .text`);
  }
  if (inText && isFunction(symbol)) return { kind: 'function-address', index, symbolOffset };
  const inMaps = context.elf.sections[symbol.section]?.name === '.maps';
  const map = context.maps.findIndex(
    ({ sectionIndex, sectionOffset }) => sectionIndex === symbol.section && (!inMaps || sectionOffset === symbol.value),
  );
  if (map < 0) return failure(`relocation against ${symbol.name} in section ${symbol.section}, which is no map`);
  return inMaps ? { kind: 'map', index, map, symbolOffset: 0 } : { kind: 'data', index, map, symbolOffset };
}

const isFunction = (symbol: ElfSymbol): boolean =>
  (symbol.binding !== BINDING.local && symbol.type === SYMBOL.func) ||
  (symbol.binding === BINDING.local && symbol.type === SYMBOL.section);

/** Maps declared in .maps, by their place in it. */
function userMaps(elf: ElfObject, btf: Btf | undefined): BpfObject['maps'] {
  const section = elf.sections.find(({ name }) => name === '.maps');
  if (section === undefined || btf === undefined) return [];
  return elf.symbols
    .filter((symbol) => symbol.section === section.index && symbol.type !== SYMBOL.section)
    .map(({ name, value }) => ({ name, sectionIndex: section.index, sectionOffset: value }))
    .toSorted((left, right) => left.sectionOffset - right.sectionOffset);
}

/** Maps that hold global variables, one for each non-empty data section, in the order of the sections. */
const dataMaps = (elf: ElfObject): BpfObject['maps'] =>
  elf.sections
    .filter(({ name, sizeBytes }) => sizeBytes > 0 && /^\.(data|rodata|bss)($|\.)/.test(name))
    .map(({ name, index }) => ({ name, sectionIndex: index, sectionOffset: 0 }));

/** Undefined symbols, by name; whether they are typed is said by BTF. */
function collectExterns(elf: ElfObject, btf: Btf | undefined): Context['externs'] {
  return elf.symbols
    .filter(
      ({ section, type, binding, name }) =>
        section === 0 && type === SYMBOL.notype && binding !== BINDING.local && name !== '',
    )
    .map(({ name, index, binding }) => ({
      name,
      symbol: index,
      weak: binding === BINDING.weak,
      typed: isTyped(name, btf),
    }))
    .toSorted((left, right) => (left.name < right.name ? -1 : Number(left.name > right.name)));
}

function isTyped(name: string, btf: Btf | undefined): boolean {
  for (const id of btf?.namesakes(name) ?? []) {
    const type = btf?.type(id);
    if (type?.name !== name) continue;
    if (type.kind === 'func') return true;
    if (type.kind === 'var') return btf?.resolve(type.type)?.kind !== 'void';
  }
  return false;
}
