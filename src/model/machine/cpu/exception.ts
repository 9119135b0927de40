/**
 * What stops a CPU, as values: nothing here is thrown. `at` is the instruction pointer an exception frame would hold:
 * of the instruction that faulted, except that a breakpoint is a trap and leaves the address after it (SDM 3A, 6.5).
 */
export type Exception =
  | { readonly kind: 'divide-error'; readonly at: bigint }
  | { readonly kind: 'breakpoint'; readonly at: bigint }
  | { readonly kind: 'invalid-opcode'; readonly at: bigint }
  /** #GP(0): an address that is not canonical, or an instruction longer than fifteen bytes. */
  | { readonly kind: 'general-protection'; readonly at: bigint }
  /** #SS(0): a stack access (through rsp or rbp) whose address is not canonical. */
  | { readonly kind: 'stack-fault'; readonly at: bigint }
  | PageFault;

interface PageFault {
  readonly kind: 'page-fault';
  readonly at: bigint;
  /** CR2: the first byte of the access that lies on a page which could not be reached. */
  readonly address: bigint;
  readonly write: boolean;
  /** True when the bytes were fetched as an instruction. */
  readonly execute: boolean;
  /** True when the page is there but may not be used so. */
  readonly present: boolean;
}

/** How an instruction ended: undefined when it retired. */
export type Outcome = Exception['kind'] | undefined;
