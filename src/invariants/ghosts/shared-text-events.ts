import type { ModuleText } from '../../model/kernel/module-loader.ts';
import type { PopulatedRequest } from '../../model/kernel/rox-cache.ts';
import type { TextAddress } from '../../model/kernel/text-address.ts';
import type { Readers, TextEvent, Told } from './text-event.ts';

const TRAP = 0xcc;
const ZERO = 0;

/** What steps of those who share text do to it: users of the allocators of 2022, and of mm/execmem.c. */
export const sharedTextEvents: Readers = {
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
    const { chunk, to, length } = taken.filling as Filling;
    // Whoever owns the place by now did not write this.
    if (!chunk.live) return [];
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

  vmalloc_text_alloc({ returned, refused }) {
    if (refused) return [];
    const object = returned as Chunk;
    const size = Math.ceil(object.size / 64) * 64;
    return [
      { kind: 'claim', owner: { kind: 'chunk', address: object.address, size, charge: 0, filler: TRAP, object } },
    ];
  },

  vmalloc_text_copy({ taken, refused }) {
    if (refused) return [];
    const { address } = taken.vtext as Chunk;
    const bytes = new Uint8Array(taken.length as number).fill(taken.code as number);
    return [{ kind: 'write', address: address + (taken.at as number), bytes }];
  },

  vmalloc_text_free({ taken }) {
    const object = taken.vtext as Chunk;
    if (taken.at !== 0) return [];
    return [{ kind: 'release', address: object.address, size: object.size, object }];
  },
};

/** A fill whose chunk was found before. */
interface Filling {
  readonly chunk: { readonly live: boolean };
  readonly to: TextAddress;
  readonly length: number;
}

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
