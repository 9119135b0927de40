import { basename, resolve } from 'node:path';
import { InputError } from '../language/input-error.ts';
import { arenaTraceAsC } from '../targets/c/arena-trace.ts';
import type { Desk } from './desk.ts';
import { ALL_WELL } from './exit-codes.ts';
import { inFile, saveAs } from './files.ts';
import { arenaSuite } from './lock-step.ts';
import { loadTrace } from './traces.ts';
import type { Verb } from './verb.ts';

interface ExportVerbOptions {
  readonly c?: string;
  readonly selftest?: boolean;
}

/** A trace to mail with a report: what runs it needs nothing of this project. */
export const exportVerb: Verb = {
  name: 'export',
  does: 'writes a trace of arenas as one C program that needs the C library and bpf(2) only, and answers in KTAP',
  words: [{ syntax: '<trace>', does: 'a trace file' }],
  options: [
    { syntax: '--c <file>', does: 'where the C program goes (default: standard output)' },
    { syntax: '--selftest', does: "in the shape of the prog_tests of the kernel's own selftests" },
  ],
  async act(desk: Desk, words, { c: file, selftest }: ExportVerbOptions) {
    const path = words[0]!;
    const { trace, suite, kernel } = loadTrace(desk, path);
    const name = basename(path, '.trace').replaceAll(/[^a-zA-Z0-9]+/g, '_');
    const text = inFile(path, () => {
      if (trace.header.fault !== undefined) throw new InputError('a fault is planted in the model; no kernel has it');
      return arenaTraceAsC(arenaSuite(suite), trace, { kernel, ...(selftest === true && { selftest: name }) });
    });
    if (file === undefined) desk.say(text.trimEnd());
    else inFile(file, () => saveAs(resolve(desk.surroundings.folder, file), text));
    return {
      exitCode: ALL_WELL,
      document: { path, suite: suite.name, kernel, file, ...(file === undefined && { text }) },
    };
  },
};
