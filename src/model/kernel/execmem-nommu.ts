/**
 * execmem_alloc() and its siblings of November 2022 on a machine without an MMU (mm/nommu.c in the v5 posting): there is no
 * executable memory of that kind, and callers are told so in each function's own way. x86-64 never runs it.
 */
export const execmemWithoutMmu = {
  /** NULL. */
  allocate: (): undefined => undefined,
  fill: (): '-EOPNOTSUPP' => '-EOPNOTSUPP',
  /** Freeing what nobody could get does nothing. */
  release(): void {},
} as const;
