/** Sizes of types as the two sides see them: libbpf's btf__resolve_size() and the kernel's btf_resolve_size(). */
import type { Btf } from '../btf/blob.ts';
import type { RelocationPolicy } from './policy.ts';

/** Bytes of a type; undefined where it has no size. The kernel knows none for variables, declaration tags and data sections. */
export function typeSize(btf: Btf, typeId: number, policy: RelocationPolicy): number | undefined {
  if (!policy.sizesOfVariables) {
    let current = typeId;
    for (let steps = 0; steps < 32; steps++) {
      const type = btf.resolve(current);
      if (type?.kind === 'var' || type?.kind === 'decl_tag' || type?.kind === 'datasec') return undefined;
      if (type?.kind !== 'array') break;
      current = type.elementType;
    }
  }
  return btf.sizeBytes(typeId);
}
