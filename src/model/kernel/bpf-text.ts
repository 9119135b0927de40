import type { Journal } from '../../base/journal.ts';
import { PAGE_SIZE } from '../../base/page.ts';
import type { Machine } from '../machine/machine.ts';
import { BinaryPack } from './binary-pack.ts';
import { Dispatcher } from './dispatcher.ts';
import { ExecutableMemory } from './executable-memory.ts';
import type { FailurePlan } from './failing.ts';
import type { Rcu } from './grace-period.ts';
import { JitLimit } from './jit-limit.ts';
import type { KernelAccess } from './kernel-access.ts';
import type { KernelLog } from './kernel-log.ts';
import type { Layout } from './layout.ts';
import type { Locks } from './locks.ts';
import { PerProgramText } from './per-program-text.ts';
import { ProgPackAllocator } from './prog-pack.ts';
import type { ProgPackProfile } from './prog-pack-profile.ts';
import type { SetMemory } from './set-memory.ts';
import type { TextPoke } from './text-poke.ts';
import type { TextSharing } from './text-sharing.ts';
import { ExecmemSlices, type TextSlices, VmallocTextSlices } from './text-slices.ts';
import { Trampolines } from './trampoline.ts';
import type { Vmalloc } from './vmalloc.ts';

export interface BpfTextParts {
  readonly journal: Journal;
  readonly profile: ProgPackProfile;
  readonly machine: Machine;
  readonly layout: Layout;
  /** Pages by which the module window's start was moved; the JIT limit does not move with it. */
  readonly moduleOffset: number;
  readonly failing: FailurePlan;
  readonly locks: Locks;
  readonly log: KernelLog;
  readonly rcu: Rcu;
  readonly vmalloc: Vmalloc;
  readonly setMemory: SetMemory;
  readonly textPoke: TextPoke;
  readonly access: KernelAccess;
  /** Where text comes from on the kernels that have it from there. */
  readonly sharing: TextSharing;
}

/** All that makes and holds the text of BPF programs, on one kernel. */
export class BpfText {
  readonly profile: ProgPackProfile;
  readonly limit: JitLimit;
  readonly memory: ExecutableMemory;
  readonly packs: ProgPackAllocator;
  /** What programs, dispatchers and trampolines get their text from. */
  readonly slices: TextSlices;
  readonly binaries: BinaryPack;
  readonly ownPages: PerProgramText;
  /** The dispatcher of XDP, the only one that a kernel has (bpf_dispatcher_xdp). */
  readonly dispatcher: Dispatcher;
  readonly trampolines: Trampolines;

  constructor(parts: BpfTextParts) {
    const { profile, machine, layout, moduleOffset } = parts;
    const { modules } = layout;
    const windowBytes = (modules.end - modules.first + moduleOffset) * PAGE_SIZE;
    this.profile = profile;
    this.limit = new JitLimit(parts.journal, { windowBytes, unit: profile.chargeUnit });
    this.memory = new ExecutableMemory({ ...parts, modules });
    const { limit, memory } = this;
    this.packs = new ProgPackAllocator({ ...parts, memory, nodes: machine.configuration.nodes });
    this.slices = slicesOf(parts) ?? this.packs;
    const packs = this.slices;
    this.binaries = new BinaryPack({ ...parts, packs, memory, limit });
    this.ownPages = new PerProgramText({ ...parts, memory, limit });
    this.dispatcher = new Dispatcher({ ...parts, packs, memory });
    this.trampolines = new Trampolines({ ...parts, packs, memory, limit });
  }
}

/** What shares text out to BPF where packs do not. */
function slicesOf({ profile, layout, sharing }: BpfTextParts): TextSlices | undefined {
  if (profile.textOf === 'execmem') return new ExecmemSlices(sharing.proposal, layout.modules);
  if (profile.textOf === 'vmalloc-text') return new VmallocTextSlices(sharing.vmallocText, layout.modules);
  return undefined;
}
