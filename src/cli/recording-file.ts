import { gunzipSync } from 'node:zlib';
import type { RecordedLine } from '../conform/recording.ts';
import { InputError } from '../language/input-error.ts';
import { readBytes } from './files.ts';

/**
 * Reads a recording: JSON objects, one a line, plain or gzipped; or one JSON object over several lines (`*.meta.json`).
 * Throws an InputError that says which line is damaged.
 */
export function readRecording(path: string): readonly RecordedLine[] {
  const text = unpack(readBytes(path)).toString('utf8');
  const whole = parseObject(text);
  if (whole !== undefined) return [whole];
  const lines: RecordedLine[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const object = parseObject(line);
    if (object === undefined) {
      throw new InputError('expected a JSON object on one line', { line: index + 1, column: 1 });
    }
    lines.push(object);
  }
  if (lines.length === 0) throw new InputError('the file is empty');
  return lines;
}

function unpack(bytes: Buffer): Buffer {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (!isGzip) return bytes;
  try {
    return gunzipSync(bytes);
  } catch {
    throw new InputError('the file is damaged: it begins as gzip but cannot be unpacked');
  }
}

function parseObject(text: string): RecordedLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as RecordedLine) : undefined;
  } catch {
    return undefined;
  }
}
