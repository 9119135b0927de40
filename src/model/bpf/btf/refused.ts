/** How BPF_BTF_LOAD says no: with an errno and the first message it logs. A value, for refusing is the kernel's normal behaviour. */

/** BTF_LOAD refuses. `ENOTSUPP` is 524, an error user space has no name for. */
export interface BtfRefusal {
  readonly kind: 'refused';
  readonly errno: 'EINVAL' | 'E2BIG' | 'EEXIST' | 'ELOOP' | 'ENOTSUPP';
  /** The kernel's message, without the numbers it appends. */
  readonly message: string;
  /** The type it is about; 0 where it is about the blob. */
  readonly typeId: number;
}

export const refused = (message: string, typeId = 0, errno: BtfRefusal['errno'] = 'EINVAL'): BtfRefusal => ({
  kind: 'refused',
  errno,
  message,
  typeId,
});
