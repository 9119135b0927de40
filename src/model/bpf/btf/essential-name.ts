/**
 * Flavours of a name: `task_struct___old` stands for `task_struct`. A local type may carry one to keep two versions of a
 * kernel type apart in one program; CO-RE compares only what stands before it (relo_core.c:bpf_core_essential_name_len()).
 */

/**
 * What stands before the LAST triple underscore whose left neighbour is no underscore (and exists) and whose right
 * neighbour is no underscore (and exists); the whole name where there is none. `a___b___c` gives `a___b`.
 */
export function essentialName(name: string): string {
  let at = name.lastIndexOf('___', name.length - 4);
  while (at > 0) {
    if (name[at - 1] !== '_' && name[at + 3] !== '_' && at + 3 < name.length) return name.slice(0, at);
    at = name.lastIndexOf('___', at - 1);
  }
  return name;
}
