import { InputError } from '../language/input-error.ts';
import type { VerbOption } from './verb.ts';

/** What options may hold, and how each says that a value is none. */

/** A whole number from 1. */
export function count(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && Number.isSafeInteger(value)) return value;
  throw new InputError('Expected a whole number from 1.');
}

/** A whole number from 0. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InputError('Expected a whole number from 0.');
}

/** Milliseconds of `60s`, `500ms`, `5m`, `1h`; a bare number counts seconds. */
export function milliseconds(text: string): number {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|min|h)?$/.exec(text) ?? [];
  const value = Number(amount) * (UNITS[unit] ?? Number.NaN);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InputError('Expected a time such as 500ms, 60s, 5m or 1h.');
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000 };

/** Names between commas. */
export function names(text: string): readonly string[] {
  const all = text.split(',').map((name) => name.trim());
  if (all.every((name) => name !== '')) return all;
  throw new InputError('Expected names with commas between them.');
}

/** One more `key=value`. */
export function setting(text: string, previous: unknown): Readonly<Record<string, string>> {
  const [, key, value] = /^([\w-]+)=([\w.:+-]+)$/.exec(text) ?? [];
  if (key !== undefined && value !== undefined)
    return { ...(previous as Record<string, string> | undefined), [key]: value };
  throw new InputError('Expected KEY=VALUE, as in cpus=2.');
}

/** What carries out a trace: the model, or the running kernel beside it. */
export function target(text: string): string {
  if (text === 'model' || text === 'live') return text;
  throw new InputError('Expected "model" or "live".');
}

export const targetOption: VerbOption = {
  syntax: '--target <target>',
  does: 'what performs the steps: model, or live (the running kernel beside the model, for traces of arenas)',
  default: 'model',
  parse: target,
};

export const allowHazardOption: VerbOption = {
  syntax: '--allow-hazard <name>',
  does: 'with --target live: lets the running kernel be asked for this (repeatable; "list hazards" tells what it may do)',
  parse: (text, previous) => [...((previous as readonly string[] | undefined) ?? []), text],
};
