import type { Journal } from '../../base/journal.ts';
import type { Machine } from '../machine/machine.ts';
import { Execmem, x86Execmem } from './execmem.ts';
import { type ExecmemCoreProfile, type ExecmemProfile, execmemProfiles } from './execmem-profile.ts';
import { ExecmemProposal } from './execmem-proposal.ts';
import type { ExecutableMemory } from './executable-memory.ts';
import type { FailurePlan } from './failing.ts';
import type { KernelImage } from './kernel-image.ts';
import type { KernelLog } from './kernel-log.ts';
import type { Layout } from './layout.ts';
import type { Locks } from './locks.ts';
import { ModuleLoader } from './module-loader.ts';
import { RoxCache } from './rox-cache.ts';
import type { SetMemory } from './set-memory.ts';
import type { SharedText } from './shared-text.ts';
import { TextTail } from './text-tail.ts';
import type { VmMapping } from './vm-mapping.ts';
import type { Vmalloc } from './vmalloc.ts';
import { VmallocText } from './vmalloc-text.ts';

export interface TextSharingParts {
  readonly journal: Journal;
  readonly profile: ExecmemProfile;
  readonly machine: Machine;
  readonly layout: Layout;
  readonly image: KernelImage;
  readonly vmalloc: Vmalloc;
  readonly vmMapping: VmMapping;
  readonly memory: ExecutableMemory;
  readonly setMemory: SetMemory;
  readonly failing: FailurePlan;
  readonly locks: Locks;
  readonly log: KernelLog;
}

/**
 * All that shares executable memory among its users, on one kernel. What a kernel does not have is there and empty: nothing
 * calls it.
 */
export class TextSharing {
  readonly profile: ExecmemProfile;
  readonly proposal: ExecmemProposal;
  readonly tail: TextTail;
  readonly vmallocText: VmallocText;
  readonly cache: RoxCache;
  readonly execmem: Execmem;
  readonly modules: ModuleLoader;

  constructor(parts: TextSharingParts) {
    const { profile, machine, layout, vmMapping } = parts;
    const { modules } = layout;
    const { nodes, pse } = machine.configuration;
    const core: ExecmemCoreProfile = profile.kind === 'core' ? profile : execmemProfiles['6.10'];
    this.profile = profile;
    this.proposal = new ExecmemProposal({ ...parts, modules, nodes });
    this.tail = new TextTail({ ...parts, proposal: this.proposal });
    this.vmallocText = new VmallocText({ ...parts, modules, nodes });
    this.cache = new RoxCache({ ...parts, profile: core, modules, mapping: vmMapping });
    this.execmem = new Execmem({ ...parts, profile: core, cache: this.cache, info: x86Execmem(layout, core, pse) });
    const { cache, execmem } = this;
    this.modules = new ModuleLoader({ ...parts, profile: core, cache, execmem });
  }

  /** The allocator that this kernel's users share. */
  get shared(): SharedText {
    const { kind } = this.profile;
    return kind === 'core' ? this.cache : kind === 'vmalloc-text' ? this.vmallocText : this.proposal;
  }

  /** Whether the end of the kernel's last text page stays text when boot ends. */
  get keepsTextTail(): boolean {
    return this.profile.kind === 'proposal' && this.profile.textTail;
  }
}
