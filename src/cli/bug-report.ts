import { ModelBug } from '../base/assert.ts';

/** What people should know about a mistake of our own: that it is ours, and all there is to find it by. */
export function bugReport(error: unknown): string {
  const kind = error instanceof ModelBug ? 'the model contradicts itself' : 'something unexpected happened';
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const cause = error instanceof Error && error.cause instanceof Error ? `\ncaused by ${error.cause.stack}` : '';
  return `This is a bug of roxcheck: ${kind}. Please report it with the command that led here.\n${details}${cause}`;
}
