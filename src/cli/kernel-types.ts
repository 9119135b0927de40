import { closeSync, openSync, readSync } from 'node:fs';
import { InputError } from '../language/input-error.ts';
import type { Btf } from '../model/bpf/btf/blob.ts';
import { parseElf } from '../model/bpf/btf/elf.ts';
import { parseBtf } from '../model/bpf/btf/parse.ts';
import { exists, orExplain } from './files.ts';

/** Where a running kernel shows its own types. */
export const RUNNING_KERNEL = '/sys/kernel/btf/vmlinux';

/** Bytes asked for at once: a page, which every kernel that shows its types gives in one answer. */
const PIECE_BYTES = 4096;

/**
 * The types of a kernel: BTF as /sys/kernel/btf/vmlinux shows it, or the .BTF section of a BPF object. Throws an InputError
 * for a file that is missing; BtfError or ElfError for one that is something else.
 */
export function readKernelTypes(path: string): Btf {
  if (path === RUNNING_KERNEL && !exists(path))
    throw new InputError(`this kernel shows no types there (CONFIG_DEBUG_INFO_BTF); give a kernel's with --btf FILE`);
  const bytes = orExplain('cannot be read', () => readInPieces(path));
  if (!isElf(bytes)) return parseBtf(bytes);
  const section = parseElf(bytes).sections.find(({ name }) => name === '.BTF');
  if (section === undefined) throw new InputError('the object has no .BTF section');
  return parseBtf(section.data);
}

const isElf = (bytes: Uint8Array): boolean => bytes.length >= 4 && Buffer.from(bytes).readUInt32BE(0) === 0x7f454c46;

/** A whole file, a page at a time: files of sysfs need not have the size that they state. */
function readInPieces(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const pieces: Buffer[] = [];
    for (;;) {
      const piece = Buffer.alloc(PIECE_BYTES);
      const count = readSync(file, piece, 0, PIECE_BYTES, null);
      if (count === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, count));
    }
  } finally {
    closeSync(file);
  }
}
