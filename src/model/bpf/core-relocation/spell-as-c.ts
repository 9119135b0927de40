/**
 * Says what a CO-RE record asks for as the C a developer wrote it with: the macros of libbpf's bpf_core_read.h, and for the
 * parts of a bitfield read the compiler's builtin behind them. What several spellings compile to is spelled one way.
 */
import type { Btf } from '../btf/blob.ts';
import { CDeclarations } from '../btf/c-declaration.ts';
import { type CoreRecord, RELOCATION_KINDS, subjectOf } from '../btf/core-record.ts';
import { BtfError } from '../btf/wire.ts';
import { type AccessPath, parseAccess } from './access.ts';
import { LIBBPF_1_8 } from './policy.ts';
import { isRefusal } from './refusal.ts';

/** The record as C; a record whose access means nothing in its own types is shown as it stands. */
export function spellAsC(btf: Btf, record: CoreRecord): string {
  const kind = RELOCATION_KINDS[record.kind];
  const type = spellType(btf, record.typeId);
  const path = parseAccess(btf, record, LIBBPF_1_8);
  if (kind === undefined || isRefusal(path))
    return `${type}, access ${JSON.stringify(btf.string(record.accessOffset))}`;
  if (subjectOf(record.kind) === 'type') return `${TYPE_MACROS[kind]}(${type})`;
  if (subjectOf(record.kind) === 'enumerator') return `${TYPE_MACROS[kind]}(${type}, ${path.accessors[0]!.name})`;
  const part = BUILTIN_PARTS[kind];
  if (part !== undefined) return `__builtin_preserve_field_info(${spellPlace(type, path)}, ${part})`;
  const [root, ...steps] = path.accessors;
  const plain = root!.index === 0 && steps[0]?.name !== undefined;
  return `${FIELD_MACROS[kind]}(${plain ? `${type}, ${spellSteps(steps).slice(1)}` : spellPlace(type, path)})`;
}

/** A type as C names it: `struct task_struct`, `pid_t`, `void *`; the members of an anonymous one are left out. */
export function spellType(btf: Btf, id: number): string {
  const type = btf.type(id);
  if (type === undefined) return `type ${id}, which does not exist`;
  if (type.kind === 'enum64') return `enum ${type.name || '(anonymous)'}`;
  if (type.kind === 'struct' || type.kind === 'union' || type.kind === 'enum')
    return `${type.kind} ${type.name || '(anonymous)'}`;
  if (type.name !== '') return type.name;
  const names = {
    type: (wanted: number): string => btf.type(wanted)?.name ?? '',
    enumerator: (): string => '',
  };
  try {
    return new CDeclarations(btf, names).declare(id, '');
  } catch (error) {
    if (error instanceof BtfError) return `${type.kind} [${id}]`;
    throw error;
  }
}

const TYPE_MACROS: Readonly<Record<string, string>> = {
  local_type_id: 'bpf_core_type_id_local',
  target_type_id: 'bpf_core_type_id_kernel',
  type_exists: 'bpf_core_type_exists',
  type_size: 'bpf_core_type_size',
  type_matches: 'bpf_core_type_matches',
  enumval_exists: 'bpf_core_enum_value_exists',
  enumval_value: 'bpf_core_enum_value',
};

const FIELD_MACROS: Readonly<Record<string, string>> = {
  byte_off: 'bpf_core_field_offset',
  byte_sz: 'bpf_core_field_size',
  field_exists: 'bpf_core_field_exists',
};

const BUILTIN_PARTS: Readonly<Record<string, string>> = {
  signed: 'BPF_FIELD_SIGNED',
  lshift_u64: 'BPF_FIELD_LSHIFT_U64',
  rshift_u64: 'BPF_FIELD_RSHIFT_U64',
};

/** `((struct s *)0)->a.b[2]`; another element than the first of an array of roots is `((struct s *)0)[3].a`. */
function spellPlace(type: string, { accessors: [root, ...steps] }: AccessPath): string {
  const pointer = `((${type} *)0)`;
  if (root!.index === 0 && steps[0]?.name !== undefined) return `${pointer}->${spellSteps(steps).slice(1)}`;
  return `${pointer}[${root!.index}]${spellSteps(steps)}`;
}

const spellSteps = (steps: AccessPath['accessors']): string =>
  steps.map(({ name, index }) => (name === undefined ? `[${index}]` : `.${name}`)).join('');
