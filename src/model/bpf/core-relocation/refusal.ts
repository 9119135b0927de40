/** How a relocation, or the load it belongs to, can fail. Values, never exceptions: saying no is the kernel's normal behaviour. */

/** The error names that CO-RE and the checks around it give. */
export type Errno = 'EINVAL' | 'E2BIG' | 'ERANGE' | 'EACCES' | 'EFAULT' | 'ENOENT' | 'ENOMEM';

/** The kernel or libbpf says no. */
export interface Failure {
  readonly kind: 'failure';
  readonly errno: Errno;
  /** What was found wrong, in our words. */
  readonly reason: string;
}

/** The kernel does not survive the question (hazard H1 in matching, see types-compatible.ts). Never sent to a live kernel. */
interface Oops {
  readonly kind: 'oops';
  readonly reason: string;
}

export type Refusal = Failure | Oops;

export const failure = (reason: string, errno: Errno = 'EINVAL'): Failure => ({ kind: 'failure', errno, reason });

/** True for the refusals among the answers `boolean | Refusal` and `Value | Refusal`. */
export function isRefusal(answer: unknown): answer is Refusal {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    'kind' in answer &&
    (answer.kind === 'failure' || answer.kind === 'oops')
  );
}
