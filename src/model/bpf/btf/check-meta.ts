/**
 * What BTF_LOAD asks of each type by itself, before it looks at what the type refers to (the check_meta functions of
 * kernel/bpf/btf.c, Linux 6.18). Order decides which message a blob with several faults gets.
 */

import { type BtfRefusal, refused } from './refused.ts';
import { KINDS } from './type.ts';
import { TRAILERS } from './wire.ts';

export interface MetaContext {
  readonly view: DataView;
  /** The string section. */
  readonly strings: Buffer;
  /** Which offsets hold an identifier, as far as it was asked. */
  readonly identifiers: Map<number, boolean>;
}

/** Bits of info that 6.18 knows: kind flag, 5 bits of kind, 16 of vlen. */
const INFO_MASK = 0x9f00_ffff;
/** Largest type id (BTF_MAX_TYPE). */
const LARGEST_ID = 0xf_ffff;
/** Longest name, with its terminating zero (KSYM_NAME_LEN). */
const NAME_BYTES = 512;

const IDENTIFIER = /^[A-Za-z_.][A-Za-z0-9_.]{0,510}$/;

/** Bytes the type at `at` takes, or why it is refused. */
export function checkMeta(context: MetaContext, at: number, end: number, id: number): number | BtfRefusal {
  const left = end - at;
  if (left < 12) return refused('meta_left', id);
  const type = new Meta(context, at);
  if ((type.info & ~INFO_MASK) !== 0) return refused('Invalid btf_info', id);
  const kind = KINDS[type.kindNumber];
  if (kind === undefined || kind === 'void') return refused('Invalid kind', id);
  if (!type.hasString(type.nameOffset)) return refused('Invalid name_offset', id);
  const trailer = TRAILERS[type.kindNumber]!;
  const size = 12 + trailer.fixed + trailer.each * (kind === 'func' ? 0 : type.vlen);
  if (left < size) return refused('meta_left', id);
  const message = RULES[kind]?.(type);
  if (message === undefined) return size;
  return refused(message, id, message === 'Unsupported encoding' ? 'ENOTSUPP' : 'EINVAL');
}

/** One type's words on the wire. */
class Meta {
  readonly #context: MetaContext;
  readonly #at: number;

  constructor(context: MetaContext, at: number) {
    this.#context = context;
    this.#at = at;
  }

  word(index: number): number {
    return this.#context.view.getUint32(this.#at + 4 * index, true);
  }

  get nameOffset(): number {
    return this.word(0);
  }

  get info(): number {
    return this.word(1);
  }

  /** The third word: a size or a type id. */
  get last(): number {
    return this.word(2);
  }

  get kindNumber(): number {
    return (this.info >>> 24) & 0x1f;
  }

  get vlen(): number {
    return this.info & 0xffff;
  }

  get flag(): boolean {
    return this.info >>> 31 === 1;
  }

  hasString(offset: number): boolean {
    return offset < this.#context.strings.length;
  }

  text(offset: number): string {
    const { strings } = this.#context;
    return strings.toString('latin1', offset, Math.min(strings.indexOf(0, offset), offset + NAME_BYTES));
  }

  /** A name a C compiler would take, dots allowed, shorter than a kernel symbol may be. */
  isIdentifier(offset: number): boolean {
    const { identifiers } = this.#context;
    let known = identifiers.get(offset);
    if (known === undefined) {
      known = offset !== 0 && IDENTIFIER.test(this.text(offset));
      identifiers.set(offset, known);
    }
    return known;
  }

  isIdentifierOrNone(offset: number): boolean {
    return offset === 0 || this.isIdentifier(offset);
  }
}

type Rule = (type: Meta) => string | undefined;

/** The first rule that has something to say says it. */
const all =
  (...rules: readonly Rule[]): Rule =>
  (type) => {
    for (const rule of rules) {
      const message = rule(type);
      if (message !== undefined) return message;
    }
    return undefined;
  };

const unless =
  (holds: (type: Meta) => boolean, message: string): Rule =>
  (type) =>
    holds(type) ? undefined : message;

const noElements = unless(({ vlen }) => vlen === 0, 'vlen != 0');
const noFlag = unless(({ flag }) => !flag, 'Invalid btf_info kind_flag');
const noName = unless(({ nameOffset }) => nameOffset === 0, 'Invalid name');
const name = unless((type) => type.isIdentifier(type.nameOffset), 'Invalid name');
const nameOrNone = unless((type) => type.isIdentifierOrNone(type.nameOffset), 'Invalid name');
const text = (message: string): Rule => unless((type) => type.text(type.nameOffset) !== '', message);
const isId = (id: number): boolean => id <= LARGEST_ID;
const isTypeId = (id: number): boolean => id !== 0 && isId(id);
const references = unless(({ last }) => isId(last), 'Invalid type_id');
const qualifier = all(noElements, noFlag, references, noName);

const int: Rule = (type) => {
  const detail = type.word(3);
  if (detail >>> 28 !== 0) return 'Invalid int_data';
  const bits = (detail & 0xff) + ((detail >>> 16) & 0xff);
  if (bits > 128) return 'nr_bits exceeds 128';
  if (Math.ceil(bits / 8) > type.last) return 'nr_bits exceeds type_size';
  return [0, 1, 2, 4].includes(detail >>> 24) ? undefined : 'Unsupported encoding';
};

const members =
  (isUnion: boolean): Rule =>
  (type) => {
    let lastOffset = 0;
    for (let index = 0; index < type.vlen; index++) {
      const [nameOffset, typeId, raw] = [type.word(3 + 3 * index), type.word(4 + 3 * index), type.word(5 + 3 * index)];
      const offset = type.flag ? raw & 0xff_ffff : raw;
      if (!type.hasString(nameOffset)) return 'Invalid member name_offset';
      if (!type.isIdentifierOrNone(nameOffset)) return 'Invalid name';
      if (!isTypeId(typeId)) return 'Invalid type_id';
      if ((isUnion && offset !== 0) || lastOffset > offset) return 'Invalid member bits_offset';
      if (Math.ceil(offset / 8) > type.last) return 'Member bits_offset exceeds its struct size';
      lastOffset = offset;
    }
    return undefined;
  };

const enumerators =
  (words: number): Rule =>
  (type) => {
    for (let index = 0; index < type.vlen; index++) {
      const nameOffset = type.word(3 + words * index);
      if (!type.hasString(nameOffset)) return 'Invalid name_offset';
      if (!type.isIdentifier(nameOffset)) return 'Invalid name';
    }
    return undefined;
  };

const enumSize = unless(({ last }) => [1, 2, 4, 8].includes(last), 'Unexpected size');

const entries: Rule = (type) => {
  let end = 0;
  let sum = 0;
  for (let index = 0; index < type.vlen; index++) {
    const [typeId, offset, size] = [type.word(3 + 3 * index), type.word(4 + 3 * index), type.word(5 + 3 * index)];
    if (!isTypeId(typeId)) return 'Invalid type_id';
    if (offset < end || offset >= type.last) return 'Invalid offset';
    if (size === 0 || size > type.last) return 'Invalid size';
    end = offset + size;
    if (end > type.last) return 'Invalid offset+size';
    sum += size;
  }
  return sum > type.last ? 'Invalid btf_info size' : undefined;
};

const RULES: Readonly<Partial<Record<(typeof KINDS)[number], Rule>>> = {
  int: all(noElements, noFlag, int),
  ptr: qualifier,
  volatile: qualifier,
  const: qualifier,
  restrict: qualifier,
  typedef: all(noElements, noFlag, references, name),
  type_tag: all(noElements, references, text('Invalid name')),
  array: all(
    noName,
    noElements,
    noFlag,
    unless(({ last }) => last === 0, 'size != 0'),
    unless((type) => isTypeId(type.word(3)), 'Invalid elem'),
    unless((type) => isTypeId(type.word(4)), 'Invalid index'),
  ),
  struct: all(nameOrNone, members(false)),
  union: all(nameOrNone, members(true)),
  enum: all(enumSize, nameOrNone, enumerators(2)),
  enum64: all(enumSize, nameOrNone, enumerators(3)),
  fwd: all(
    noElements,
    unless(({ last }) => last === 0, 'type != 0'),
    name,
  ),
  func: all(
    name,
    unless(({ vlen }) => vlen <= 1, 'Invalid func linkage'),
    noFlag,
  ),
  func_proto: all(noName, noFlag),
  var: all(
    noElements,
    noFlag,
    name,
    unless(({ last }) => isTypeId(last), 'Invalid type_id'),
    unless((type) => type.word(3) <= 1, 'Linkage not supported'),
  ),
  datasec: all(
    unless(({ last }) => last !== 0, 'size == 0'),
    noFlag,
    unless((type) => /^[\x20-\x7e]+$/.test(type.text(type.nameOffset)), 'Invalid name'),
    entries,
  ),
  float: all(
    noElements,
    noFlag,
    unless(({ last }) => [2, 4, 8, 12, 16].includes(last), 'Invalid type_size'),
  ),
  decl_tag: all(
    text('Invalid value'),
    noElements,
    unless((type) => (type.word(3) | 0) >= -1, 'Invalid component_idx'),
  ),
};
