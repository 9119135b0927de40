import type { ExecmemProposal } from './execmem-proposal.ts';
import type { KernelImage } from './kernel-image.ts';
import type { KernelLog } from './kernel-log.ts';
import { extentOf } from './shared-text.ts';

/**
 * Models register_text_tail_vm() (patches 5 and 6 of the proposal of November 2022): from _etext to the next 2 MiB boundary the
 * kernel's last text page holds nothing. It is read-only and executable already, so it serves the first requests.
 *
 * One region can be registered. It is in no block and is never given back; what it holds is what the linker left there.
 */
export class TextTail {
  readonly #image: KernelImage;
  readonly #proposal: ExecmemProposal;
  readonly #log: KernelLog;

  constructor(parts: { readonly image: KernelImage; readonly proposal: ExecmemProposal; readonly log: KernelLog }) {
    this.#image = parts.image;
    this.#proposal = parts.proposal;
    this.#log = parts.log;
  }

  /** Called at the end of mark_rodata_ro(). A second call is warned of and does nothing. */
  register(): void {
    const { first, end } = this.#image.textGap;
    const range = extentOf({ firstPage: first, pageCount: end - first });
    if (!this.#proposal.addTail(range)) this.#log.warn('register_text_tail_vm: already registered');
  }
}
