/**
 * Behaviours of every kernel with arenas that were found by reading and by recording, that surprise, and that nobody has
 * called a bug yet. Each can be switched off for a world, to see what a law or a program would make of the other choice.
 */
export const latentBehaviours = {
  L1: 'A touch of user space populates a reserved slot.',
  L2: 'The first mapping of an arena without an address may have any length, and fixes the range with it.',
  L3: 'A page that was freed while a queued free of it waits, and was handed out again, is torn down by the worker.',
  L4: 'A fixed mapping across a multiple of 4 GiB is moved up to it.',
  L5: 'The count of writable mappings never goes down: after one the arena can never be frozen.',
  L6: 'A load-acquire of an absent page keeps its destination and is told as a WRITE (to 7.1).',
  L7: 'A pointer whose low half is 0 is NULL for user space, also where the arena begins there.',
  L8: 'A reservation from inside a page succeeds and reserves nothing.',
  L9: 'A fault that took a page before it was freed installs it after the zap.',
  L10: 'An arena that is destroyed while it is mapped leaks everything; no operation of a right kernel gets there.',
} as const;

export type LatentBehaviour = keyof typeof latentBehaviours;

/** As kernels are. */
export const everyLatentBehaviour: ReadonlySet<LatentBehaviour> = new Set(
  Object.keys(latentBehaviours) as LatentBehaviour[],
);
