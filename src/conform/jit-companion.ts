/**
 * The companion of a recording of compilations: which kernel it was, how it was configured, where its symbols were. It is
 * found by name where the recording has the name it was published under, and otherwise among the published ones by what both
 * say about the kernel.
 */
import { InputError } from '../language/input-error.ts';
import { describesRecording, type JitMeta, type JitRecord, readJitMeta } from './jit-record.ts';
import type { ConformContext } from './recording.ts';

/** Throws an InputError that names the companion that is missing. */
export function recordedCompanion(first: JitRecord, context: ConformContext): JitMeta {
  const names = companionNames(context.fileName, first.kernel);
  for (const name of names) {
    const object = context.optionalCompanion(name)?.[0];
    if (object === undefined) continue;
    const meta = readJitMeta(object, name);
    if (describesRecording(meta, first)) return meta;
  }
  throw new InputError(`needs a companion that describes ${first.kernel}: ${names.join(' or ')}`);
}

function companionNames(fileName: string, kernel: string): readonly string[] {
  const stem = fileName.replace(/\.jsonl(\.gz)?$/, '');
  const versions = [/^jit-([\d.]+)/.exec(stem)?.[1], /^\d+\.\d+\.\d+/.exec(kernel)?.[0], ...RECORDED_GUESTS];
  const guests = versions
    .filter((version) => version !== undefined)
    .flatMap((version) => [`meta/${version}.json`, `kernels/meta/${version}.json`]);
  return [...new Set([`${stem}.meta.json`, ...guests, 'jit-6.18.meta.json'])];
}

/** Releases whose uname does not say which stable version they are, as Debian's of 6.1. */
const RECORDED_GUESTS = ['6.1.192'];
