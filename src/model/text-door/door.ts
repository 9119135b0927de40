import type { World } from '../world.ts';
import { AreaTexts } from './area-text.ts';
import { ExecmemTexts } from './execmem-text.ts';
import { ProgramTexts } from './program-text.ts';
import { SharedChunkTexts } from './shared-chunk-text.ts';
import { type TextAllocator, type TextUser, textUsers } from './text-allocator.ts';

/** Where a user of this kernel gets its text. */
export function textAllocator({ text, sharing }: World, user: TextUser): TextAllocator {
  if (user === 'bpf') return new ProgramTexts(text);
  switch (sharing.profile.kind) {
    case 'core':
      return new ExecmemTexts(sharing, EXECMEM_TYPES[user]);
    case 'vmalloc-text':
      return new SharedChunkTexts(sharing.vmallocText);
    // The proposal of November 2022 converted BPF only.
    case 'proposal':
    case 'none':
      return new AreaTexts(text.memory);
  }
}

const EXECMEM_TYPES = { module: 'module-text', ftrace: 'ftrace', kprobe: 'kprobes' } as const;

/** The functions by which users of this kernel get text: one where it has one API for all. */
export function textFunctions(world: World): readonly string[] {
  return [...new Set(textUsers.map((user) => textAllocator(world, user).name))];
}
