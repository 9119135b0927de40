/** The sets of kinds that BTF_LOAD's rules are made of (the btf_type_is_... predicates of kernel/bpf/btf.c). */
import { type BtfType, isAnyEnum, isComposite, isModifier } from './type.ts';

export const isAggregate = (type: BtfType): boolean => isComposite(type) || type.kind === 'array';

export const needsResolving = (type: BtfType): boolean =>
  isModifier(type) || isAggregate(type) || ['ptr', 'var', 'func', 'decl_tag', 'datasec'].includes(type.kind);

export const isSizeless = (type: BtfType): boolean => ['void', 'fwd', 'func', 'func_proto'].includes(type.kind);

/** Kinds that refer to others and that nothing may refer to. */
export const isOnlySource = (type: BtfType): boolean => ['var', 'decl_tag', 'datasec'].includes(type.kind);

export const hasSize = (type: BtfType): boolean =>
  isComposite(type) || isAnyEnum(type) || ['int', 'float', 'ptr', 'array', 'datasec'].includes(type.kind);

/** An integer that fills its 1, 2, 4, 8 or 16 bytes from the first bit on. */
export const isRegularInt = (type: {
  readonly sizeBytes: number;
  readonly offsetBits: number;
  readonly widthBits: number;
}): boolean =>
  [1, 2, 4, 8, 16].includes(type.sizeBytes) && type.offsetBits === 0 && type.widthBits === 8 * type.sizeBytes;
