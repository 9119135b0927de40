import type { Happened } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { Binary } from '../../model/kernel/binary-pack.ts';
import type { ModuleText } from '../../model/kernel/module-loader.ts';
import type { PagedBinary } from '../../model/kernel/per-program-text.ts';
import type { TextPiece } from '../../model/kernel/prog-pack.ts';
import type { PopulatedRequest } from '../../model/kernel/rox-cache.ts';
import type { TextAddress } from '../../model/kernel/text-address.ts';
import type { Trampoline } from '../../model/kernel/trampoline.ts';
import type { World } from '../../model/world.ts';

/** Who holds text: what was asked for, and what that costs. */
export interface Owner {
  readonly kind: 'text' | 'program' | 'trampoline' | 'dispatcher' | 'pages' | 'chunk' | 'module' | 'request';
  readonly address: TextAddress;
  /** In bytes, as the allocator was asked. */
  readonly size: number;
  /** In units of the JIT limit. */
  readonly charge: number;
  /** What fills memory that is made for this request. */
  readonly filler: number;
  /** What the operation returned: it names the owner when it goes. */
  readonly object: object;
}

/** What a step, correctly performed, does to text. */
export type TextEvent =
  | { readonly kind: 'claim'; readonly owner: Owner }
  | { readonly kind: 'release'; readonly address: TextAddress; readonly size: number; readonly object: object }
  /** What was held for a request now belongs to whoever made it. */
  | { readonly kind: 'transfer'; readonly from: object; readonly owner: Owner }
  | { readonly kind: 'write'; readonly address: TextAddress; readonly bytes: Uint8Array };

const TRAP = 0xcc;
const ZERO = 0;

/**
 * Reads each step as the text events that it should have caused: from its arguments, from what it returned and by the rules of
 * kernel/bpf/core.c written down a second time. No line of the allocators is called.
 *
 * @param codeOf the byte of machine code that the JIT wrote for a program, when it did
 */
export function textEvents(
  world: World,
  { operation, taken, returned }: Happened,
  codeOf: (binary: object) => number | undefined,
): readonly TextEvent[] {
  const reader = readers[operation.name];
  return reader === undefined ? [] : reader({ world, taken, returned, refused: returned instanceof Refusal, codeOf });
}

interface Told {
  readonly world: World;
  readonly taken: Readonly<Record<string, unknown>>;
  readonly returned: unknown;
  readonly refused: boolean;
  readonly codeOf: (binary: object) => number | undefined;
}

const readers: Readonly<Record<string, (told: Told) => readonly TextEvent[]>> = {
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

  execmem_alloc: claimChunk,
  execmem_alloc_test: claimChunk,

  execmem_fill({ taken, refused }) {
    if (refused) return [];
    const { address } = taken.chunk as Chunk;
    const bytes = new Uint8Array(taken.length as number).fill(taken.code as number);
    return [{ kind: 'write', address: address + (taken.at as number), bytes }];
  },

  execmem_fill_ends({ taken, refused }) {
    if (refused) return [];
    const { address, size } = taken.chunk as Chunk;
    const bytes = new Uint8Array(taken.part === 'all' ? size : 1).fill(taken.code as number);
    const first: TextEvent = { kind: 'write', address, bytes };
    return taken.part === 'all' ? [first] : [first, { kind: 'write', address: address + size - 1, bytes }];
  },

  execmem_fill_copy({ taken, refused }) {
    if (refused) return [];
    const { to, length } = taken.filling as { readonly to: TextAddress; readonly length: number };
    return [{ kind: 'write', address: to, bytes: new Uint8Array(length).fill(taken.code as number) }];
  },

  execmem_free({ taken }) {
    const object = taken.chunk as Chunk;
    if ((taken.at as number) >= object.size) return [];
    return [{ kind: 'release', address: object.address, size: object.size, object }];
  },

  module_memory_alloc: claimModule,

  execmem_cache_populate({ taken, returned, refused }) {
    const object = returned as PopulatedRequest;
    if (refused || object.address === undefined) return [];
    const size = (taken.pages as number) * 4096;
    return [
      { kind: 'claim', owner: { kind: 'request', address: object.address, size, charge: 0, filler: TRAP, object } },
    ];
  },

  execmem_cache_alloc_again(told) {
    const from = told.taken.populated as PopulatedRequest;
    const claims = claimModule(told);
    if (from.address === undefined) return claims;
    return claims.flatMap((event) => (event.kind === 'claim' ? [{ kind: 'transfer', from, owner: event.owner }] : []));
  },

  apply_relocations({ taken }) {
    const { address, size, copy } = taken.mod as ModuleText;
    if (copy !== undefined) return [];
    return [{ kind: 'write', address, bytes: new Uint8Array(size).fill(taken.code as number) }];
  },

  module_enable_text_rox({ taken, refused, codeOf }) {
    const mod = taken.mod as ModuleText;
    if (refused || mod.copy === undefined) return [];
    return [{ kind: 'write', address: mod.address, bytes: new Uint8Array(mod.size).fill(codeOf(mod) ?? 0) }];
  },

  static_key_update: patchModule,
  klp_apply_section_relocs: patchModule,

  module_memory_free({ taken }) {
    const object = taken.mod as ModuleText;
    return [{ kind: 'release', address: object.address, size: object.size, object }];
  },
};

/** What execmem_alloc() gave to a caller. */
interface Chunk {
  readonly address: TextAddress;
  readonly size: number;
}

function claimChunk({ returned, refused }: Told): readonly TextEvent[] {
  if (refused) return [];
  const object = returned as Chunk;
  const { address, size } = object;
  return [{ kind: 'claim', owner: { kind: 'chunk', address, size, charge: 0, filler: ZERO, object } }];
}

function claimModule({ returned, refused }: Told): readonly TextEvent[] {
  if (refused) return [];
  const object = returned as ModuleText;
  const { address, size } = object;
  return [{ kind: 'claim', owner: { kind: 'module', address, size, charge: 0, filler: TRAP, object } }];
}

function patchModule({ taken, returned }: Told): readonly TextEvent[] {
  if (returned === 'not known yet') return [];
  const { address } = taken.mod as ModuleText;
  const bytes = new Uint8Array(5).fill(taken.code as number);
  return [{ kind: 'write', address: address + (taken.at as number), bytes }];
}

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
