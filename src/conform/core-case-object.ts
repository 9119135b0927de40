/**
 * Wraps the program of a CO-RE case in an object, as it was wrapped for libbpf: the first function in a section "socket",
 * all others in ".text", calls between them as relocations, records split between the two sections.
 */
import { fromHex } from '../base/bytes.ts';
import { parseBtf } from '../model/bpf/btf/parse.ts';
import { LD_IMM64, ProgramImage } from '../model/bpf/core-relocation/image.ts';
import type { BpfObject, BpfProgram, Relocation } from '../model/bpf/core-relocation/object.ts';
import type { CoreInput } from './core-case.ts';

const TEXT = 1;
const SOCKET = 2;

export function caseObject(input: CoreInput): BpfObject {
  const image = new ProgramImage(fromHex(input.insns)!);
  const starts = [...new Set([0, ...input.func_info.map(([index]) => index).filter((index) => index < image.length)])];
  starts.sort((left, right) => left - right);
  const textStart = starts[1] ?? image.length;
  const programs = starts.map((start, position) => program(image, start, starts[position + 1] ?? image.length, starts));
  const records = input.relos.map(({ off, type, acc_off, kind }) => {
    const inText = textStart < image.length && off >= 8 * textStart && off < 8 * image.length;
    const record = { instructionOffset: inText ? off - 8 * textStart : off, typeId: type, accessOffset: acc_off, kind };
    return { section: inText ? TEXT : SOCKET, record };
  });
  const section = (index: number) => ({
    sectionIndex: index,
    records: records.filter((entry) => entry.section === index).map(({ record }) => record),
  });
  return {
    programs: [...programs.slice(1), programs[0]!],
    textSection: TEXT,
    btf: parseBtf(fromHex(input.btf)!),
    coreRelocations: [section(SOCKET), section(TEXT)],
    maps: [],
    externs: [],
  };
}

function program(image: ProgramImage, start: number, end: number, starts: readonly number[]): BpfProgram {
  const textStart = starts[1] ?? image.length;
  const isMain = start === 0;
  const own = ProgramImage.copyOf(image.bytes.subarray(8 * start, 8 * end));
  const relocations: Relocation[] = [];
  for (let index = 0; index < own.length; index++) {
    if (own.opcode(index) === LD_IMM64) index += 1;
    else if (own.isPseudoCall(index)) {
      const target = start + index + own.immediate(index) + 1;
      if (!starts.includes(target)) continue;
      own.setImmediate(index, -1);
      relocations.push({ kind: 'call', index, symbolOffset: 8 * (target - textStart) });
    }
  }
  return {
    name: isMain ? 'main' : `sub${starts.indexOf(start)}`,
    section: isMain ? 'socket' : '.text',
    sectionIndex: isMain ? SOCKET : TEXT,
    sectionStart: isMain ? 0 : start - textStart,
    instructions: own.bytes,
    isSubprogram: !isMain,
    autoload: true,
    isGlobal: true,
    staticInBtf: false,
    relocations,
    functionInfo: [],
  };
}
