/**
 * Recognises executable pages by what they hold, to tell people where a finding comes from. A recognised page is judged like
 * any other.
 */
export function recognisedText(page: Uint8Array | undefined): string | undefined {
  if (page === undefined) return undefined;
  if (page.every((byte) => byte === TRAP)) return 'nothing but trap bytes (0xcc): free text of an allocator';
  return holdsBranchThunks(page) ? BRANCH_THUNKS : undefined;
}

/**
 * Observed on 6.18.44 without CONFIG_MODULES. its_pages_protect() seals the pages with execmem_restore_rox(), which without
 * CONFIG_ARCH_HAS_EXECMEM_ROX (x86 selects it only with modules) does nothing; later kernels call set_memory_rox() there.
 */
const BRANCH_THUNKS =
  'indirect-branch thunks of the ITS mitigation (arch/x86/kernel/alternative.c:its_pages_protect()), which stay writable ' +
  'where the kernel is built without loadable modules';

/** Whether a page holds `jmp *%reg; int3` thunks between trap bytes, and nothing else. */
function holdsBranchThunks(page: Uint8Array): boolean {
  let thunks = 0;
  for (let at = 0; at < page.length; ) {
    if (page[at] === TRAP) {
      at += 1;
      continue;
    }
    const jump = page[at] === REX_B ? at + 1 : at;
    const register = (page[jump + 1] ?? 0) - JUMP_TO_RAX;
    if (page[jump] !== GROUP_5 || register < 0 || register > 7 || page[jump + 2] !== TRAP) return false;
    thunks += 1;
    at = jump + 3;
  }
  return thunks > 0;
}

const TRAP = 0xcc;
/** `jmp *%reg` is ff e0 to ff e7, with 41 before it for r8 to r15 (SDM vol. 2A, JMP). */
const GROUP_5 = 0xff;
const JUMP_TO_RAX = 0xe0;
const REX_B = 0x41;
