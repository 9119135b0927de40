/**
 * The types a BTF blob can describe (include/uapi/linux/btf.h, kinds 1 to 19; Documentation/bpf/btf.rst), as values.
 * Left out: the kind-flag attribute form of DECL_TAG and TYPE_TAG in kernels after 6.18; CO-RE never looks at it.
 *
 *   struct btf_type    name_off:32 | info:32 | size or type:32        then what the kind appends
 *   info               kind_flag:1 | unused:2 | kind:5 | unused:8 | vlen:16
 *                      (kernels of 2026 take the unused bits too: kind:7, vlen:24)
 */

/** Kind names in the order of their numbers; `void` is the implicit type 0. */
export const KINDS = [
  'void',
  'int',
  'ptr',
  'array',
  'struct',
  'union',
  'enum',
  'fwd',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'func',
  'func_proto',
  'var',
  'datasec',
  'float',
  'decl_tag',
  'type_tag',
  'enum64',
] as const;

export type BtfKind = (typeof KINDS)[number];

/** The number of a kind on the wire, 0 to 19. */
export const kindNumber = (kind: BtfKind): number => KINDS.indexOf(kind);

interface Named {
  /** The type's id in its blob; 0 is void, the first type is 1. */
  readonly id: number;
  /** Empty for an anonymous type. */
  readonly name: string;
}

interface BtfVoid extends Named {
  readonly kind: 'void';
}

interface BtfInt extends Named {
  readonly kind: 'int';
  readonly sizeBytes: number;
  /** Bits SIGNED 1, CHAR 2, BOOL 4. */
  readonly encoding: number;
  readonly offsetBits: number;
  readonly widthBits: number;
}

interface BtfPointer extends Named {
  readonly kind: 'ptr';
  readonly type: number;
}

/** A type that only qualifies or names another; CO-RE looks through it. */
export interface BtfModifier extends Named {
  readonly kind: 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag';
  readonly type: number;
}

export interface BtfArray extends Named {
  readonly kind: 'array';
  readonly elementType: number;
  readonly indexType: number;
  readonly length: number;
}

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly offsetBits: number;
  /** 0 for a member that is not a bitfield. */
  readonly bitfieldBits: number;
}

export interface BtfComposite extends Named {
  readonly kind: 'struct' | 'union';
  readonly sizeBytes: number;
  /** The kind flag: member offsets carry a bitfield width in their top byte. */
  readonly hasBitfields: boolean;
  readonly members: readonly BtfMember[];
}

interface BtfEnumerator {
  readonly name: string;
  /** As CO-RE sees it: the 32 bits of an ENUM sign-extended whatever its kind flag says; the 64 bits of an ENUM64 as a signed word. */
  readonly value: bigint;
}

export interface BtfEnum extends Named {
  readonly kind: 'enum' | 'enum64';
  readonly sizeBytes: number;
  /** The kind flag. */
  readonly signed: boolean;
  readonly enumerators: readonly BtfEnumerator[];
}

export interface BtfForward extends Named {
  readonly kind: 'fwd';
  /** The kind flag: a union was announced, not a struct. */
  readonly isUnion: boolean;
}

export interface BtfFunction extends Named {
  readonly kind: 'func';
  readonly prototype: number;
  /** 0 static, 1 global, 2 extern. */
  readonly linkage: number;
}

interface BtfParameter {
  readonly name: string;
  readonly type: number;
}

export interface BtfPrototype extends Named {
  readonly kind: 'func_proto';
  readonly returnType: number;
  /** A last parameter without name and type stands for `...`. */
  readonly parameters: readonly BtfParameter[];
}

interface BtfVariable extends Named {
  readonly kind: 'var';
  readonly type: number;
  /** 0 static, 1 global, 2 extern. */
  readonly linkage: number;
}

interface BtfSectionEntry {
  readonly type: number;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface BtfDataSection extends Named {
  readonly kind: 'datasec';
  readonly sizeBytes: number;
  readonly entries: readonly BtfSectionEntry[];
}

interface BtfFloat extends Named {
  readonly kind: 'float';
  readonly sizeBytes: number;
}

export interface BtfDeclarationTag extends Named {
  readonly kind: 'decl_tag';
  readonly type: number;
  /** The member or parameter the tag is on; -1 for the declaration itself. */
  readonly componentIndex: number;
}

export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfPointer
  | BtfModifier
  | BtfArray
  | BtfComposite
  | BtfEnum
  | BtfForward
  | BtfFunction
  | BtfPrototype
  | BtfVariable
  | BtfDataSection
  | BtfFloat
  | BtfDeclarationTag;

export const isComposite = (type: BtfType): type is BtfComposite => type.kind === 'struct' || type.kind === 'union';

export const isAnyEnum = (type: BtfType): type is BtfEnum => type.kind === 'enum' || type.kind === 'enum64';

/** TYPEDEF, VOLATILE, CONST, RESTRICT and TYPE_TAG: what libbpf's skip_mods_and_typedefs() looks through. */
export const isModifier = (type: BtfType): type is BtfModifier =>
  type.kind === 'typedef' ||
  type.kind === 'volatile' ||
  type.kind === 'const' ||
  type.kind === 'restrict' ||
  type.kind === 'type_tag';
