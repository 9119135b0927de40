/** What the life of programs needs of the kernel around it. */
import type { Journal } from '../../../base/journal.ts';
import type { BpfText } from '../../kernel/bpf-text.ts';
import type { DirectMap } from '../../kernel/direct-map.ts';
import type { KernelAccess } from '../../kernel/kernel-access.ts';
import type { KernelImage } from '../../kernel/kernel-image.ts';
import type { KernelLog } from '../../kernel/kernel-log.ts';
import type { LivePatching } from '../../kernel/live-patching.ts';
import type { TextPoke } from '../../kernel/text-poke.ts';
import type { Machine } from '../../machine/machine.ts';

export interface ProgramSurroundings {
  readonly journal: Journal;
  readonly machine: Machine;
  readonly image: KernelImage;
  readonly directMap: DirectMap;
  readonly access: KernelAccess;
  readonly log: KernelLog;
  readonly textPoke: TextPoke;
  readonly livePatching: LivePatching;
  readonly text: BpfText;
}
