/**
 * Something that the running kernel may or may not offer to this user. Where it doesn't, two different things can be the
 * reason: this user may not (another user or capability could), or this kernel cannot. Both say what to do about it.
 */
export type Facility<Thing> =
  | { readonly kind: 'available'; readonly thing: Thing; readonly note: string }
  | { readonly kind: 'not permitted' | 'not supported'; readonly why: string; readonly remedy: string };

export type Availability = Facility<unknown>['kind'];

export function available<Thing>(thing: Thing, note = ''): Facility<Thing> {
  return { kind: 'available', thing, note };
}

export function notPermitted(why: string, remedy: string): Facility<never> {
  return { kind: 'not permitted', why, remedy };
}

export function notSupported(why: string, remedy: string): Facility<never> {
  return { kind: 'not supported', why, remedy };
}

/** Builds on a facility that is there; where it is not, what builds on it is missing for the same reason. */
export function having<Thing, Next>(
  facility: Facility<Thing>,
  build: (thing: Thing) => Facility<Next>,
): Facility<Next> {
  return facility.kind === 'available' ? build(facility.thing) : facility;
}

/** What a facility offers, undefined where it is missing. */
export function thingOf<Thing>(facility: Facility<Thing>): Thing | undefined {
  return facility.kind === 'available' ? facility.thing : undefined;
}

/** A refusal of the kernel: EPERM and EACCES are about this user, everything else about the kernel. */
export function refused(what: string, errno: number, remedies: Remedies): Facility<never> {
  const mine = -errno === EPERM || -errno === EACCES;
  return mine
    ? notPermitted(`${what}: ${errnoName(errno)}`, remedies.permit)
    : notSupported(`${what}: ${errnoName(errno)}`, remedies.support);
}

/** The name of a negative result, as `EPERM` for -1. */
export function errnoName(errno: number): string {
  return ERRNO_NAMES[-errno] ?? `errno ${-errno}`;
}

interface Remedies {
  /** What another user could do. */
  readonly permit: string;
  /** What another kernel would need. */
  readonly support: string;
}

const EPERM = 1;
const EACCES = 13;

/** The errnos that bpf(2) and /proc answer with (include/uapi/asm-generic/errno.h). */
const ERRNO_NAMES: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  7: 'E2BIG',
  3: 'ESRCH',
  9: 'EBADF',
  12: 'ENOMEM',
  13: 'EACCES',
  14: 'EFAULT',
  16: 'EBUSY',
  17: 'EEXIST',
  22: 'EINVAL',
  19: 'ENODEV',
  28: 'ENOSPC',
  34: 'ERANGE',
  38: 'ENOSYS',
  75: 'EOVERFLOW',
  95: 'EOPNOTSUPP',
  524: 'ENOTSUPP',
};
