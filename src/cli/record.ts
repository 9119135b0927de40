import { basename, dirname, join, relative, resolve } from 'node:path';
import * as v from 'valibot';
import { fromHex, toHex } from '../base/bytes.ts';
import { CoreCase, type CoreInput } from '../conform/core-case.ts';
import { extractTarget, type TargetLine } from '../conform/core-target-extract.ts';
import type { RecordedLine } from '../conform/recording.ts';
import { InputError } from '../language/input-error.ts';
import type { Btf } from '../model/bpf/btf/blob.ts';
import { essentialName } from '../model/bpf/btf/essential-name.ts';
import { parseBtf } from '../model/bpf/btf/parse.ts';
import { counted } from '../report/numbers.ts';
import type { CoreOutcome } from '../targets/live/core/core-load.ts';
import { CoreRecorder } from '../targets/live/core/core-recorder.ts';
import { LiveKernel } from '../targets/live/live-kernel.ts';
import { loadOfCase } from './core-case-load.ts';
import type { Desk } from './desk.ts';
import { ALL_WELL } from './exit-codes.ts';
import { inFile, saveAs } from './files.ts';
import { readRecording } from './recording-file.ts';
import type { Verb } from './verb.ts';

/** Makes a recording of the running kernel out of another one's inputs: `conform` then holds the model to this kernel. */
export const recordVerb: Verb = {
  name: 'record',
  does: 'gives the running kernel the loads of a CO-RE recording and writes down what it does with each',
  words: [{ syntax: '<recording>', does: 'a recording of late relocation, for its inputs' }],
  options: [
    { syntax: '--out <file>', does: 'where to write', default: 'core-late-live.jsonl' },
    { syntax: '--only <text>', does: 'only cases whose name begins so' },
  ],
  async act(desk, [path], { out, only = '' }: { readonly out: string; readonly only?: string }) {
    const { folder } = desk.surroundings;
    const lines = inFile(path!, () => casesOf(readRecording(resolve(folder, path!)), only));
    const kernel = await LiveKernel.open();
    try {
      const recorder = CoreRecorder.open(kernel);
      if (recorder.kind !== 'available') {
        const reason = `${recorder.kind}: ${recorder.why}; ${recorder.remedy}`;
        desk.say(`nothing is recorded, ${reason}`);
        return { exitCode: ALL_WELL, document: { verdict: 'skipped', reason } };
      }
      const targetsFile = `targets-${basename(out).replace(/\.jsonl$/, '')}.jsonl`;
      const recorded = await recordAll(desk, recorder.thing, lines);
      const named = recorded.map((line) => ({ ...line, targets_file: targetsFile }));
      save(desk, join(dirname(out), targetsFile), targetsOf(recorder.thing.loader.kernelTypes, named));
      save(desk, out, named);
      const withheld = recorded.filter(({ late }) => late.skipped !== undefined).length;
      desk.say(`${counted(recorded.length - withheld, 'case')} recorded on ${kernel.release}, ${withheld} withheld`);
      desk.say(`  ${desk.command('conform', relative(folder, resolve(folder, out)))}`);
      const document = { kernel: kernel.release, out, recorded: recorded.length - withheld, withheld };
      return { exitCode: desk.stoppedCode() ?? ALL_WELL, document };
    } finally {
      kernel.close();
    }
  },
};

function save({ surroundings }: Desk, path: string, lines: readonly object[]): void {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  inFile(path, () => saveAs(resolve(surroundings.folder, path), text));
}

/** What the kernel has under every name that a case asks for. */
function targetsOf(kernel: Btf, lines: readonly RecordedLine[]): readonly TargetLine[] {
  const names = lines.flatMap((line) => [...namesAskedBy(v.parse(CoreCase, line))]);
  return [...new Set(names)].map((name) => extractTarget(kernel, name));
}

function namesAskedBy({ btf, relos, prior = [] }: CoreInput): ReadonlySet<string> {
  const types = parseBtf(fromHex(btf)!);
  const roots = relos.map(({ type }) => types.type(type)?.name ?? '');
  const named = [...roots, ...prior.map(({ name }) => name)].filter((name) => name !== '');
  return new Set(named.map(essentialName));
}

function casesOf(lines: readonly RecordedLine[], only: string): readonly RecordedLine[] {
  if (!v.is(CoreCase, lines[0])) throw new InputError('expected a recording of late CO-RE relocation');
  const chosen = lines.filter(({ name }) => typeof name === 'string' && name.startsWith(only));
  if (chosen.length === 0) throw new InputError(`no case has a name that begins with "${only}"`);
  return chosen;
}

interface Recorded extends RecordedLine {
  readonly late: ReturnType<typeof lateOf>;
}

async function recordAll(desk: Desk, recorder: CoreRecorder, lines: readonly RecordedLine[]): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  for (const line of lines) {
    if (desk.surroundings.stopReason() !== undefined) break;
    const input = v.parse(CoreCase, line);
    desk.status.show(`${counted(recorded.length, 'case')} recorded, now ${input.name}`);
    recorded.push({ ...line, late: lateOf(recorder.observe(loadOfCase(input), input.prior)) });
    if (recorded.length % BATCH === 0) await new Promise<void>((resume) => setImmediate(resume));
  }
  return recorded;
}

/** An outcome as recordings have it. */
function lateOf(outcome: CoreOutcome) {
  switch (outcome.kind) {
    case 'loaded':
      return { source: 'kernel', ok: true, xlated: toHex(outcome.image), log: told(outcome.log) };
    case 'refused':
      return outcome.of === 'types'
        ? { source: 'kernel', btf_load: outcome.errno, log: told(outcome.log) }
        : { source: 'kernel', ok: false, errno: outcome.errno, log: told(outcome.log) };
    case 'withheld':
      return { source: 'kernel', skipped: `never sent: ${outcome.why.replace(/^record \d+: /, '')}` };
  }
}

/** The relocation lines of a log, and the last of the others: why a load was refused. */
function told(log: string): readonly string[] {
  const lines = log.split('\n').filter((line) => line !== '' && !NOISE.test(line));
  const about = lines.filter((line) => line.includes('relo #'));
  const rest = lines.filter((line) => !line.includes('relo #'));
  return [...about.slice(0, MOST_LINES), ...rest.slice(-1)];
}

/** What the verifier says of every program: states, the caches, and how much work it was. */
const NOISE =
  /^(func#|\s*\d+: |vmlinux_cand|module_cand|Live regs|processed|verification time|stack depth|CO-RE relocating|;|from \d+|mark_precise|R\d+=)/;
const MOST_LINES = 12;
const BATCH = 50;
