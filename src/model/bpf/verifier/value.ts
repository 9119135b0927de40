/**
 * What the verifier knows of a register or of eight bytes of stack (enum bpf_reg_type, include/linux/bpf.h). Ranges of scalars
 * are left out: nothing that programs here may do depends on them but the index of a tail call, which has to be a constant.
 */
export type Value =
  /** Never written: reading it is refused. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'scalar'; readonly constant?: number | undefined }
  /** A pointer into the stack of the function that is so many calls deep, main being 0. */
  | { readonly kind: 'stack'; readonly depth: number; readonly offset: number }
  | { readonly kind: 'context'; readonly offset: number }
  /** PTR_TO_ARENA: any low half, any offset. */
  | { readonly kind: 'arena' }
  /** CONST_PTR_TO_MAP: the program array. */
  | { readonly kind: 'map' }
  /** PTR_TO_BTF_ID | PTR_UNTRUSTED, as bpf_rdonly_cast() makes it. */
  | { readonly kind: 'untrusted' };

export const NOTHING: Value = { kind: 'nothing' };
export const SCALAR: Value = { kind: 'scalar' };
export const ARENA: Value = { kind: 'arena' };
export const MAP: Value = { kind: 'map' };
export const UNTRUSTED: Value = { kind: 'untrusted' };

export const isPointer = ({ kind }: Value): boolean => kind !== 'scalar' && kind !== 'nothing';

/** The kernel's names, for its messages. */
export function nameOf({ kind }: Value): string {
  return {
    nothing: '?',
    scalar: 'scalar',
    stack: 'fp',
    context: 'ctx',
    arena: 'arena',
    map: 'map_ptr',
    untrusted: 'untrusted_ptr_',
  }[kind];
}

/** A few letters that are equal for equal values only. */
export function letters(value: Value): string {
  switch (value.kind) {
    case 'scalar':
      return value.constant === undefined ? 's' : `s${value.constant}`;
    case 'stack':
      return `f${value.depth}${value.offset}`;
    case 'context':
      return `c${value.offset}`;
    case 'nothing':
      return '';
    default:
      return value.kind[0]!;
  }
}
