import type { Binary } from '../../model/kernel/binary-pack.ts';
import type { PagedBinary } from '../../model/kernel/per-program-text.ts';
import type { TextPiece } from '../../model/kernel/prog-pack.ts';
import type { Trampoline } from '../../model/kernel/trampoline.ts';
import type { World } from '../../model/world.ts';
import type { Owner, Readers, TextEvent } from './text-event.ts';

const TRAP = 0xcc;
const ZERO = 0;

/** What steps of BPF do to text, by the rules of kernel/bpf/core.c written down a second time. */
export const programTextEvents: Readers = {
  bpf_prog_pack_alloc({ taken, returned, refused }) {
    if (refused) return [];
    const piece = returned as TextPiece;
    const filler = taken.filler === 'zero' ? ZERO : TRAP;
    const size = taken.size as number;
    return [{ kind: 'claim', owner: { kind: 'text', address: piece.address, size, charge: 0, filler, object: piece } }];
  },

  bpf_prog_pack_free({ world, taken }) {
    const piece = taken.text as TextPiece;
    const address = piece.address + (taken.at as number);
    const size = (taken.size as number) || piece.size;
    const release: TextEvent = { kind: 'release', address, size, object: piece };
    if (world.text.profile.sizeAtFree === 'argument') return [release];
    return [{ kind: 'write', address, bytes: littleEndian(size) }, release];
  },

  bpf_arch_text_copy({ taken, refused }) {
    if (refused) return [];
    const { address } = taken.text as TextPiece;
    const bytes = new Uint8Array(taken.length as number).fill(taken.code as number);
    return [{ kind: 'write', address: address + (taken.at as number), bytes }];
  },

  bpf_jit_binary_pack_alloc({ world, returned, refused }) {
    return refused ? [] : claimProgram(world, returned as Binary);
  },

  dev_xdp_install({ world, returned, refused, codeOf }) {
    if (refused) return [];
    const binary = returned as Binary;
    return [...claimProgram(world, binary), finalized(binary, codeOf(binary))];
  },

  bpf_jit_binary_pack_finalize({ taken, refused, codeOf }) {
    const binary = taken.prog as Binary;
    return refused ? [] : [finalized(binary, codeOf(binary))];
  },

  bpf_arch_text_poke({ taken, refused }) {
    if (refused) return [];
    const { image } = taken.prog as Binary;
    return [
      { kind: 'write', address: image + (taken.at as number), bytes: new Uint8Array(5).fill(taken.code as number) },
    ];
  },

  bpf_jit_binary_pack_free: ({ taken }) => releaseProgram(taken.prog as Binary),
  bpf_jit_free: ({ taken }) => releaseProgram(taken.prog as Binary),

  bpf_tramp_image_alloc({ world, taken, returned, refused }) {
    if (refused) return [];
    const size = taken.size as number;
    return [claimTrampoline(returned as Trampoline, size, unitsOf(world, size))];
  },

  bpf_struct_ops_image_alloc({ world, returned, refused }) {
    if (refused) return [];
    const charge = world.text.profile.chargesStructOpsImage ? unitsOf(world, 4096) : 0;
    return [claimTrampoline(returned as Trampoline, 4096, charge)];
  },

  arch_prepare_bpf_trampoline({ taken, refused }) {
    if (refused) return [];
    const { image, size } = taken.trampoline as Trampoline;
    const bytes = new Uint8Array(size).fill(TRAP).fill(taken.code as number, 0, taken.length as number);
    return [{ kind: 'write', address: image, bytes }];
  },

  bpf_tramp_image_free({ taken }) {
    const object = taken.trampoline as Trampoline;
    return [{ kind: 'release', address: object.image, size: object.size, object }];
  },

  bpf_jit_binary_alloc({ world, returned, refused }) {
    if (refused) return [];
    const paged = returned as PagedBinary;
    const size = pagedSize(world, paged.length);
    const charge = unitsOf(world, size);
    return [
      { kind: 'claim', owner: { kind: 'pages', address: paged.header, size, charge, filler: TRAP, object: paged } },
      { kind: 'write', address: paged.header, bytes: littleEndian(size / 4096) },
    ];
  },

  do_jit_in_place({ taken }) {
    const { image, length } = taken.paged as PagedBinary;
    return [{ kind: 'write', address: image, bytes: new Uint8Array(length).fill(taken.code as number) }];
  },

  bpf_jit_binary_free({ world, taken }) {
    const object = taken.paged as PagedBinary;
    return [{ kind: 'release', address: object.header, size: pagedSize(world, object.length), object }];
  },
};

/** The size of a program's slice: code, 8 bytes of header and 16 of padding, in chunks of 64. */
export const programSize = (length: number): number => Math.ceil((length + 24) / 64) * 64;

/** The size of a program's own pages: code, header and 128 bytes of padding. */
function pagedSize(world: World, length: number): number {
  const { textOf, packBytes } = world.text.profile;
  const unit = textOf === 'packs' ? packBytes : 4096;
  return Math.ceil((length + 136) / unit) * unit;
}

function unitsOf(world: World, bytes: number): number {
  return Math.ceil(bytes / world.text.profile.chargeUnit);
}

function claimProgram(world: World, binary: Binary): readonly TextEvent[] {
  const size = programSize(binary.length);
  const charge = unitsOf(world, size);
  const owner: Owner = { kind: 'program', address: binary.header, size, charge, filler: TRAP, object: binary };
  if (world.text.profile.unfinalizedHeader === 'trapped') return [{ kind: 'claim', owner }];
  return [
    { kind: 'claim', owner },
    { kind: 'write', address: binary.header, bytes: littleEndian(size) },
  ];
}

function claimTrampoline(object: Trampoline, size: number, charge: number): TextEvent {
  return { kind: 'claim', owner: { kind: 'trampoline', address: object.image, size, charge, filler: TRAP, object } };
}

function releaseProgram(binary: Binary): readonly TextEvent[] {
  return [{ kind: 'release', address: binary.header, size: programSize(binary.length), object: binary }];
}

/** What finalize leaves: the size, traps, the machine code where the image starts, traps. */
function finalized(binary: Binary, code: number | undefined): TextEvent {
  const bytes = new Uint8Array(programSize(binary.length)).fill(TRAP);
  bytes.set(littleEndian(bytes.length));
  const start = binary.image - binary.header;
  if (code !== undefined) bytes.fill(code, start, start + binary.length);
  return { kind: 'write', address: binary.header, bytes };
}

function littleEndian(word: number): Uint8Array {
  return Uint8Array.of(word, word >>> 8, word >>> 16, word >>> 24);
}
