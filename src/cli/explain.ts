import { printTrace } from '../language/trace-text/print.ts';
import { storyOf } from '../report/story.ts';
import { ALL_WELL } from './exit-codes.ts';
import { inFile } from './files.ts';
import { loadTrace } from './traces.ts';
import type { Verb } from './verb.ts';

/** The story says what happened; whether that was expected is the affair of `replay`. */
export const explainVerb: Verb = {
  name: 'explain',
  does: 'tells a trace as a story: each step, what it showed and changed, what the failure needs of it, why a law is broken',
  words: [{ syntax: '<trace>', does: 'a trace file' }],
  async act(desk, words) {
    const path = words[0]!;
    const { trace, suite, kernel } = loadTrace(desk, path);
    const story = inFile(path, () => storyOf(suite, kernel, trace));
    for (const line of story.lines(desk.colours)) desk.say(line);
    const { end, steps, explanation } = story;
    const about = { path, suite: suite.name, kernel, trace: printTrace(trace) };
    return { exitCode: ALL_WELL, document: { ...about, steps, end, explanation } };
  },
};
