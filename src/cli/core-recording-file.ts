import { basename, dirname, join, resolve } from 'node:path';
import * as v from 'valibot';
import { fromHex } from '../base/bytes.ts';
import { CoreCase, type CoreInput } from '../conform/core-case.ts';
import { extractTarget } from '../conform/core-target-extract.ts';
import type { Btf } from '../model/bpf/btf/blob.ts';
import { essentialName } from '../model/bpf/btf/essential-name.ts';
import { parseBtf } from '../model/bpf/btf/parse.ts';
import type { Desk } from './desk.ts';
import { inFile, saveAs } from './files.ts';

/**
 * Writes a recording of the running kernel, and beside it what that kernel has under every name that a case asks for: both
 * together are what `conform` needs, on any machine.
 */
export function saveCoreRecording(desk: Desk, path: string, lines: readonly object[], kernel: Btf): void {
  const targetsFile = `targets-${basename(path).replace(/\.jsonl$/, '')}.jsonl`;
  const names = new Set(lines.flatMap((line) => [...namesAskedBy(v.parse(CoreCase, line))]));
  const targets = [...names].map((name) => extractTarget(kernel, name));
  write(desk, join(dirname(path), targetsFile), targets);
  write(
    desk,
    path,
    lines.map((line) => ({ ...line, targets_file: targetsFile })),
  );
}

function write({ surroundings }: Desk, path: string, lines: readonly object[]): void {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  inFile(path, () => saveAs(resolve(surroundings.folder, path), text));
}

function namesAskedBy({ btf, relos, prior = [] }: CoreInput): ReadonlySet<string> {
  const types = parseBtf(fromHex(btf)!);
  const roots = relos.map(({ type }) => types.type(type)?.name ?? '');
  const named = [...roots, ...prior.map(({ name }) => name)].filter((name) => name !== '');
  return new Set(named.map(essentialName));
}
