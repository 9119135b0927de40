/**
 * The companion of a CO-RE recording, written: for one type name everything that relocation can see of a kernel's types. What is
 * reached through pointers alone keeps its name, kind and size; nobody looks further there.
 */
import { toHex } from '../base/bytes.ts';
import type { Btf } from '../model/bpf/btf/blob.ts';
import { BtfBuilder, type NewBtfType } from '../model/bpf/btf/build.ts';
import type { BtfType } from '../model/bpf/btf/type.ts';

/** A line of the companion file, as core-targets.ts reads it. */
export interface TargetLine {
  readonly name: string;
  /** A small blob with all types of that name; null where the kernel has none. */
  readonly btf: string | null;
  /** The id in the kernel's own blob for each id of the small one, from 1. */
  readonly ids: readonly number[];
}

/** What the kernel has under an essential name. */
export function extractTarget(kernel: Btf, name: string): TargetLine {
  const roots = kernel.namesakes(name);
  if (roots.length === 0) return { name, btf: null, ids: [] };
  const whole = reachedFrom(kernel, roots);
  const ids = [...whole.keys()].toSorted((left, right) => left - right);
  const small = new Map([[0, 0], ...ids.map((id, index) => [id, index + 1] as const)]);
  const builder = new BtfBuilder();
  for (const id of ids) builder.add(renumbered(kernel.type(id)!, whole.get(id)!, (old) => small.get(old) ?? 0));
  return { name, btf: toHex(builder.bytes()), ids };
}

/** The ids of types that count, and whether their members do. */
function reachedFrom(kernel: Btf, roots: readonly number[]): ReadonlyMap<number, boolean> {
  const whole = new Map<number, boolean>();
  const waiting: { readonly id: number; readonly byValue: boolean }[] = roots.map((id) => ({ id, byValue: true }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { id, byValue } = next;
    const known = whole.get(id);
    if (id === 0 || known === true || known === byValue) continue;
    whole.set(id, byValue);
    const type = kernel.type(id)!;
    const isStub = !byValue && (type.kind === 'struct' || type.kind === 'union');
    const reach = (other: number, asValue = byValue) => waiting.push({ id: other, byValue: asValue });
    if (isStub) continue;
    if (type.kind === 'ptr') reach(type.type, false);
    else if (type.kind === 'array') {
      reach(type.elementType);
      reach(type.indexType, false);
    } else for (const other of referencesOf(type)) reach(other);
  }
  return whole;
}

function referencesOf(type: BtfType): readonly number[] {
  switch (type.kind) {
    case 'struct':
    case 'union':
      return type.members.map((member) => member.type);
    case 'func_proto':
      return [type.returnType, ...type.parameters.map((parameter) => parameter.type)];
    case 'func':
      return [type.prototype];
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
    case 'var':
    case 'decl_tag':
      return [type.type];
    default:
      return [];
  }
}

/** A type with its references in the small blob; what a section of variables holds is left out. */
function renumbered(type: BtfType, byValue: boolean, small: (id: number) => number): NewBtfType {
  switch (type.kind) {
    case 'struct':
    case 'union': {
      const members = byValue ? type.members.map((member) => ({ ...member, type: small(member.type) })) : [];
      return { ...type, members };
    }
    case 'func_proto': {
      const parameters = type.parameters.map((parameter) => ({ ...parameter, type: small(parameter.type) }));
      return { ...type, returnType: small(type.returnType), parameters };
    }
    case 'array':
      return { ...type, elementType: small(type.elementType), indexType: small(type.indexType) };
    case 'func':
      return { ...type, prototype: small(type.prototype) };
    case 'datasec':
      return { ...type, entries: [] };
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
    case 'var':
    case 'decl_tag':
      return { ...type, type: small(type.type) };
    default:
      return type;
  }
}
