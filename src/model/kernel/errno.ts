/** An error that a kernel function returned, by name. A value, never an exception. */
export type Errno = '-ENOMEM' | '-EFAULT' | '-EINVAL' | '-EPERM' | '-EBUSY' | '-EEXIST' | '-E2BIG' | '-EOPNOTSUPP';

/** What a kernel function returns that answers 0 or an errno. */
export type Outcome = 0 | Errno;
