/** How a program is refused: the errno that bpf(2) returns, after the reason has been written to the log. */
export const EPERM = 1;
export const ENOENT = 2;
export const E2BIG = 7;
export const EBADF = 9;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EINVAL = 22;
export const EPROTO = 71;
/** Inside the kernel only, but it does reach user space here and there. */
export const ENOTSUPP = 524;

export class Rejection extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`rejected with errno ${errno}`);
    this.errno = errno;
  }
}
