import { relative, resolve } from 'node:path';
import { fromHex } from '../base/bytes.ts';
import { CoreCase, type CoreInput } from '../conform/core-case.ts';
import { inLine, readLine } from '../conform/recorded-object.ts';
import type { RecordedLine } from '../conform/recording.ts';
import { InputError } from '../language/input-error.ts';
import { parseBtf } from '../model/bpf/btf/parse.ts';
import { counted } from '../report/numbers.ts';
import { CoreRecorder } from '../targets/live/core/core-recorder.ts';
import { KernelHarmed } from '../targets/live/kernel-health.ts';
import { LiveKernel } from '../targets/live/live-kernel.ts';
import { lateOf, loadOfCase } from './core-case-load.ts';
import { saveCoreRecording } from './core-recording-file.ts';
import type { Desk } from './desk.ts';
import { ALL_WELL } from './exit-codes.ts';
import { inFile } from './files.ts';
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
      const recorded = await recordAll(desk, recorder.thing, lines);
      saveCoreRecording(desk, out, recorded, recorder.thing.loader.kernelTypes);
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

type Case = readonly [line: RecordedLine, input: CoreInput];

/** Reads every line before anything is sent, its types too. */
function casesOf(lines: readonly RecordedLine[], only: string): readonly Case[] {
  if (!('relos' in lines[0]!)) throw new InputError('expected a recording of late CO-RE relocation');
  const cases = lines.map((line, index): Case => {
    const input = readLine(CoreCase, line, index + 1);
    inLine(index + 1, () => parseBtf(fromHex(input.btf)!));
    return [line, input];
  });
  const chosen = cases.filter(([, { name }]) => name.startsWith(only));
  if (chosen.length === 0) throw new InputError(`no case has a name that begins with "${only}"`);
  return chosen;
}

interface Recorded extends RecordedLine {
  readonly late: ReturnType<typeof lateOf>;
}

async function recordAll(desk: Desk, recorder: CoreRecorder, lines: readonly Case[]): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  for (const [line, input] of lines) {
    if (desk.surroundings.stopReason() !== undefined) break;
    desk.status.show(`${counted(recorded.length, 'case')} recorded, now ${input.name}`);
    try {
      recorded.push({ ...line, late: lateOf(recorder.observe(loadOfCase(input), input.prior)) });
    } catch (error) {
      if (!(error instanceof KernelHarmed)) throw error;
      desk.complain(`ended at ${input.name}: ${error.message}`);
      break;
    }
    if (recorded.length % BATCH === 0) await new Promise<void>((resume) => setImmediate(resume));
  }
  return recorded;
}

const BATCH = 50;
