/** The smallest questions of matching: may these two kinds, or these two names, stand for each other? */
import { essentialName } from '../btf/essential-name.ts';
import { type BtfType, isAnyEnum } from '../btf/type.ts';

/** Equal kinds, or any two enums (relo_core.c:btf_kind_core_compat()). */
export const kindsCompatible = (left: BtfType, right: BtfType): boolean =>
  left.kind === right.kind || (isAnyEnum(left) && isAnyEnum(right));

/** Equal but for flavours; two anonymous types have equal names. */
export const namesMatch = (left: string, right: string): boolean => essentialName(left) === essentialName(right);
