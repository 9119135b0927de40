import { PAGE_SIZE } from '../../base/page.ts';
import { roundUp } from '../../base/word.ts';
import type { ExecmemType } from '../kernel/execmem-profile.ts';
import type { ModuleText } from '../kernel/module-loader.ts';
import type { TextSharing } from '../kernel/text-sharing.ts';
import type { HeldText, TextAllocator } from './text-allocator.ts';

interface ExecmemText extends HeldText {
  readonly text: ModuleText;
}

/**
 * Users of mm/execmem.c (6.10): text from the cache is made writable for a while, or built in a copy (6.13); other text is born
 * writable. All of it ends up read-only and executable.
 */
export class ExecmemTexts implements TextAllocator {
  readonly name = 'execmem_alloc';
  readonly #sharing: TextSharing;
  readonly #type: ExecmemType;

  constructor(sharing: TextSharing, type: ExecmemType) {
    this.#sharing = sharing;
    this.#type = type;
  }

  allocate(size: number, cpu: number): ExecmemText | undefined {
    const { modules } = this.#sharing;
    const text = modules.allocate(this.#type, roundUp(size, PAGE_SIZE), cpu);
    if (text === undefined) return undefined;
    if (modules.mayWrite(text)) return { address: text.address, size, text };
    if (modules.takeExecution(text) === 0 && modules.giveWriting(text) === 0) {
      return { address: text.address, size, text };
    }
    modules.release(text, 0, cpu);
    return undefined;
  }

  write({ text }: ExecmemText, at: number, bytes: Uint8Array, cpu: number): boolean {
    this.#sharing.modules.store(text, at, bytes, cpu);
    return true;
  }

  publish({ text }: ExecmemText, cpu: number): boolean {
    return this.#sharing.modules.finish(text, cpu) === 0;
  }

  free({ text }: ExecmemText, cpu: number): void {
    this.#sharing.modules.release(text, 0, cpu);
  }

  /** The delayed work of failed frees, then the clean work. */
  settle(cpu: number): void {
    const { cache } = this.#sharing;
    if (cache.work.retryScheduled) cache.retryPendingFrees(cpu);
    if (cache.work.cleanScheduled) cache.clean();
  }
}
