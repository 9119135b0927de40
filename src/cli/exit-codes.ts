/**
 * How commands end. What outweighs what: our own bug, then the user's mistake, then a finding, then an interruption.
 */

/** Every suite holds or was skipped, every trace and recording is as expected. */
export const ALL_WELL = 0;
/** A law is broken, a suite is vacuous, or an expectation is not met. */
export const FOUND_SOMETHING = 1;
/** What the user gave is wrong. */
export const WRONG_INPUT = 2;
/** A ModelBug, or anything else that nobody expected. */
export const OUR_OWN_BUG = 3;
/** Ctrl-C, and nothing was found before it. */
export const INTERRUPTED = 130;
/** The reader went away before the work was done: what a shell shows for 128 and SIGPIPE. */
export const CLOSED_PIPE = 141;
