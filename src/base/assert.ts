/**
 * A mistake of roxcheck itself: never a finding about the kernel, never the user's fault.
 * It ends a run with exit code 3 and is not shrunk, saved or counted as a violation.
 */
export class ModelBug extends Error {
  override readonly name = 'ModelBug';
}

/** Throws a {@link ModelBug} unless the condition holds. The message says what was believed, not what failed. */
export function assert(condition: unknown, belief: string): asserts condition {
  if (!condition) throw new ModelBug(`expected: ${belief}`);
}

/** Marks a place that no input can reach; the compiler checks that every variant was handled. */
export function unreachable(value: never): never {
  throw new ModelBug(`unexpected variant: ${String(value)}`);
}
