import type { Answer, Desk } from './desk.ts';
import { ALL_WELL } from './exit-codes.ts';
import { replay } from './replay.ts';
import { run } from './run.ts';
import type { Verb } from './verb.ts';

/** What `npm start` does. */
export const mainVerb: Verb = {
  name: 'main',
  does: 'the main job: runs every suite on the model with its default budget, then replays the corpus',
  act: (desk) => mainJob(desk),
};

async function mainJob(desk: Desk): Promise<Answer> {
  const ran = await run(desk, [], { target: 'model', save: 'failures' });
  if (desk.stoppedCode() !== undefined) return ran;
  desk.say();
  const replayed = await replay(desk, []);
  const exitCode = ran.exitCode === ALL_WELL ? replayed.exitCode : ran.exitCode;
  return { exitCode, document: { ...ran.document, ...replayed.document } };
}
