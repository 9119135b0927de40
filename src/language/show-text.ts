import { toHex } from '../base/bytes.ts';
import type { Shown } from './operation.ts';

/** A shown value as text; undefined when there is nothing to show. */
export function showText(value: Shown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (value instanceof Uint8Array) return `x"${toHex(value)}"`;
  if (Array.isArray(value)) return `[${value.map((item: Shown) => showText(item) ?? 'nothing').join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return fields.map(([name, field]) => `${name} ${showText(field as Shown)}`).join(', ');
  }
  return String(value);
}
