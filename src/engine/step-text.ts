import { toHex } from '../base/bytes.ts';
import type { Step } from '../language/trace.ts';

/** A step for a message or as a key, results as `#number`. What people read and edit is the trace text's affair. */
export function stepText({ operation, args, made }: Step): string {
  const results = made.length === 0 ? '' : `${made.map((id) => `#${id}`).join(', ')} = `;
  const values = Object.entries(operation.takes as Record<string, { readonly kind: string }>).map(
    ([name, { kind }]) => `${name}: ${kind === 'made' ? `#${args[name]}` : valueText(args[name])}`,
  );
  return `${results}${operation.name}(${values.join(', ')})`;
}

/** A value of any type that an argument can have, so that different values never read the same. */
export function valueText(value: unknown): string {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (value instanceof Uint8Array) return `x"${toHex(value)}"`;
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(([name, field]) => `${name}: ${valueText(field)}`);
    return `{${fields.join(', ')}}`;
  }
  return String(value);
}
