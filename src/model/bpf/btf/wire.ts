/** How BTF lies in bytes: the magic number, the parts of a type's info word, and what each kind appends to its 12 bytes. */
import { KINDS } from './type.ts';

export const BTF_MAGIC = 0xeb9f;
/** Bytes of struct btf_type, before what its kind appends. */
export const TYPE_BYTES = 12;

/** Why bytes are no BTF, in one sentence with the place. */
export class BtfError extends Error {
  override readonly name = 'BtfError';
}

/** Bytes a kind appends to its struct btf_type: a fixed part, and a part per element counted by vlen. */
export const TRAILERS: readonly { readonly fixed: number; readonly each: number }[] = KINDS.map((kind) => {
  switch (kind) {
    case 'int':
    case 'var':
    case 'decl_tag':
      return { fixed: 4, each: 0 };
    case 'array':
      return { fixed: 12, each: 0 };
    case 'struct':
    case 'union':
    case 'datasec':
    case 'enum64':
      return { fixed: 0, each: 12 };
    case 'enum':
    case 'func_proto':
      return { fixed: 0, each: 8 };
    default:
      return { fixed: 0, each: 0 };
  }
});

interface References {
  /** Places of type ids, in bytes from the start of the type. */
  readonly types: readonly number[];
  /** Places of a name and of a type id in each element, in bytes from its start. */
  readonly elementName?: number;
  readonly elementType?: number;
}

/** Where a kind refers to other types and to strings, besides its own name. */
export const REFERENCES: readonly References[] = KINDS.map((kind): References => {
  switch (kind) {
    case 'void':
    case 'int':
    case 'fwd':
    case 'float':
      return { types: [] };
    case 'array':
      return { types: [12, 16] };
    case 'struct':
    case 'union':
      return { types: [], elementName: 0, elementType: 4 };
    case 'enum':
    case 'enum64':
      return { types: [], elementName: 0 };
    case 'func_proto':
      return { types: [8], elementName: 0, elementType: 4 };
    case 'datasec':
      return { types: [], elementType: 0 };
    default:
      return { types: [8] };
  }
});

/** The kind in an info word, by the seven bits kernels of 2026 take for it. */
export const kindOf = (info: number): number => (info >>> 24) & 0x7f;

/** How many elements follow a type, by the 24 bits kernels of 2026 take for it. */
export const vlenOf = (info: number): number => info & 0xff_ffff;
