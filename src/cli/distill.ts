import { basename, dirname, join, relative, resolve } from 'node:path';
import { CoveringSession } from '../engine/campaign/coverage.ts';
import { type Covering, smallestCover } from '../engine/campaign/smallest-cover.ts';
import { performOn } from '../engine/perform.ts';
import type { Session } from '../engine/session.ts';
import { InputError } from '../language/input-error.ts';
import { counted, grouped } from '../report/numbers.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL } from './exit-codes.ts';
import { inFile, readText, saveOnce, tracePaths } from './files.ts';
import { atLineOf, understandTrace } from './traces.ts';
import type { Verb } from './verb.ts';

export const distillVerb: Verb = {
  name: 'distill',
  does: 'finds the few traces of a folder that cover and kill what all of them do',
  words: [{ syntax: '<folder>', does: 'a folder of traces' }],
  options: [{ syntax: '--out <folder>', does: 'copies them there; the folder itself is never changed' }],
  act: (desk, [folder], options: { readonly out?: string }) => distill(desk, folder!, options.out),
};

/** A trace with what replaying it shows. */
interface Shown extends Covering {
  readonly path: string;
  readonly text: string;
}

async function distill(desk: Desk, folder: string, out: string | undefined): Promise<Answer> {
  const { surroundings, registry, status } = desk;
  const root = resolve(surroundings.folder, folder);
  const paths = inFile(folder, () => tracePaths(root));
  if (paths.length === 0) throw new InputError('the folder holds no .trace files', { file: folder });
  const all: Shown[] = [];
  for (const path of paths) {
    const stopped = desk.stoppedCode();
    // Half a folder has no smallest part that stands for the whole.
    if (stopped !== undefined) return { exitCode: stopped, document: { kept: [] } };
    status.show(`performing ${grouped(all.length)} of ${counted(paths.length, 'trace')}`);
    const shown = join(folder, relative(root, path));
    all.push(inFile(shown, () => show(registry, shown, readText(path))));
    await new Promise<void>((resume) => setImmediate(resume));
  }
  const kept = smallestCover(all);
  const points = new Set(all.flatMap((one) => [...one.points]));
  const kills = [...points].filter((point) => point.startsWith(KILLS)).length;
  for (const { path } of kept) desk.say(path);
  if (out !== undefined) {
    for (const { path, text } of kept)
      inFile(path, () => copy(resolve(surroundings.folder, out, relative(folder, path)), text));
  }
  desk.say(
    `${counted(kept.length, 'trace')} of ${grouped(all.length)} do the work of all: ` +
      `${grouped(points.size - kills)} ways to meet an operation, ${counted(kills, 'planted fault')} killed` +
      (out === undefined ? '' : `; copied to ${out}`),
  );
  return {
    exitCode: ALL_WELL,
    document: {
      kept: kept.map(({ path }) => path),
      traces: all.length,
      covered: points.size - kills,
      killed: kills,
      out,
    },
  };
}

const KILLS = 'kills ';

/** What a trace covers (each operation with the state it meets and its outcome), and what it is in the corpus for. */
function show(registry: Desk['registry'], path: string, text: string): Shown {
  const { trace, suite, kernel } = understandTrace(registry, path, text);
  const { machine = {}, fault } = trace.header;
  const session = atLineOf('machine', text, () => new CoveringSession(suite, { kernel, machine, fault }));
  const performed = performOn(session as unknown as Session, trace);
  const where = `${suite.name} ${kernel}`;
  const points = new Set(session.takeFresh().map((point) => `${where} ${point}`));
  const { kind } = performed;
  if (kind === 'violates') {
    points.add(fault === undefined ? `${where} violates ${performed.violation.law}` : `${KILLS}${suite.name} ${fault}`);
  }
  if (kind === 'known') points.add(`${where} known ${performed.bug}`);
  return { path, text, points, cost: trace.steps.length + 1 };
}

function copy(path: string, text: string): void {
  saveOnce(dirname(path), basename(path, '.trace'), '.trace', text);
}
