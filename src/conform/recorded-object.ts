/**
 * Lines of recordings that hold programs, types and objects as hexadecimal digits: read so that whatever is damaged becomes the
 * user's mistake in that line, with the field or with what is wrong inside the bytes.
 */
import * as v from 'valibot';
import { InputError } from '../language/input-error.ts';
import { ElfError } from '../model/bpf/btf/elf.ts';
import { BtfError } from '../model/bpf/btf/wire.ts';

/** Bytes as hexadecimal digits, so many at a time. */
export const hexDigits = (unitBytes = 1) =>
  v.pipe(
    v.string(),
    v.check(
      (text) => text.length % (2 * unitBytes) === 0 && /^[0-9a-f]*$/i.test(text),
      `expected hexadecimal digits, ${2 * unitBytes} for each ${unitBytes === 1 ? 'byte' : 'instruction'}`,
    ),
  );

/** A line as its schema has it; `line` counts from 1. */
export function readLine<Schema extends v.GenericSchema>(
  schema: Schema,
  object: unknown,
  line: number,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, object);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new InputError(`${v.getDotPath(issue) ?? 'the object'}: ${issue.message}`, { line });
}

/** Does something with what a line holds; types and objects that cannot be read are mistakes in that line. */
export function inLine<Result>(line: number, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    const isDamage = error instanceof BtfError || error instanceof ElfError;
    throw isDamage ? new InputError(error.message, { line }) : error;
  }
}
