/** An error that a kernel function returned, by name. A value, never an exception. */
export type Errno =
  | '-E2BIG'
  | '-EACCES'
  | '-EBADF'
  | '-EBUSY'
  | '-EEXIST'
  | '-EFAULT'
  | '-EINVAL'
  | '-ENODEV'
  | '-ENOMEM'
  | '-EOPNOTSUPP'
  | '-EOVERFLOW'
  | '-EPERM'
  | '-ERANGE';

/** What a kernel function returns that answers 0 or an errno. */
export type Outcome = 0 | Errno;
