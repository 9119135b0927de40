import { assert } from '../base/assert.ts';
import { Journal } from '../base/journal.ts';
import { mapAtBoot } from './kernel/boot-mapping.ts';
import { BpfText } from './kernel/bpf-text.ts';
import { ChangePageAttr } from './kernel/change-page-attr.ts';
import { DirectMap } from './kernel/direct-map.ts';
import { ExecutableMemory } from './kernel/executable-memory.ts';
import { FailurePlan } from './kernel/failing.ts';
import { Rcu } from './kernel/grace-period.ts';
import { KernelAccess } from './kernel/kernel-access.ts';
import { KernelImage } from './kernel/kernel-image.ts';
import { KernelLog } from './kernel/kernel-log.ts';
import { LargePages } from './kernel/large-pages.ts';
import { type Layout, layoutOf } from './kernel/layout.ts';
import { LivePatching } from './kernel/live-patching.ts';
import { Locks } from './kernel/locks.ts';
import { MarkRodataRo, readOnlySteps } from './kernel/mark-rodata-ro.ts';
import type { KernelProfile } from './kernel/profile.ts';
import { SetMemory } from './kernel/set-memory.ts';
import { StaticProtections } from './kernel/static-protections.ts';
import { TemporaryRw } from './kernel/temporary-rw.ts';
import { TextPoke } from './kernel/text-poke.ts';
import { TextSharing } from './kernel/text-sharing.ts';
import { VmMapping } from './kernel/vm-mapping.ts';
import { Vmalloc } from './kernel/vmalloc.ts';
import { VmapAreas } from './kernel/vmap-areas.ts';
import { Machine, type MachineConfiguration } from './machine/machine.ts';
import { KERNEL_DATA, NO_EXECUTE } from './machine/page-table-entry.ts';

/** How a world's machine is set up: the `machine:` header of a trace. */
export interface WorldConfiguration extends MachineConfiguration {
  /** Whether 1 GiB leaves may be used (direct_gbpages). */
  readonly gigabytePages: boolean;
  /** Pages by which randomisation moves the start of the module window. */
  readonly moduleOffset: number;
}

/**
 * One modelled machine with its kernel, built in boot order for a kernel profile. A fresh world stands right before
 * mark_rodata_ro(): the kernel image is still writable and executable; {@link finishBoot} ends that.
 */
export class World {
  readonly journal: Journal;
  readonly profile: KernelProfile;
  readonly configuration: WorldConfiguration;
  readonly layout: Layout;
  readonly machine: Machine;
  readonly log: KernelLog;
  readonly locks: Locks;
  readonly failing = new FailurePlan();
  readonly rcu: Rcu;
  readonly image: KernelImage;
  readonly directMap: DirectMap;
  readonly staticProtections: StaticProtections;
  readonly largePages: LargePages;
  readonly changePageAttr: ChangePageAttr;
  readonly vmapAreas: VmapAreas;
  readonly setMemory: SetMemory;
  readonly vmMapping: VmMapping;
  readonly vmalloc: Vmalloc;
  readonly access: KernelAccess;
  readonly textPoke: TextPoke;
  readonly livePatching: LivePatching;
  readonly temporaryRw: TemporaryRw;
  readonly markRodataRo: MarkRodataRo;
  /** What shares executable memory among users beyond BPF. */
  readonly sharing: TextSharing;
  readonly text: BpfText;

  /** @param journal one of small capacity where a world is only ever driven forward */
  constructor(profile: KernelProfile, configuration: WorldConfiguration, journal = new Journal()) {
    const { failing } = this;
    this.journal = journal;
    this.profile = profile;
    this.configuration = configuration;
    this.layout = layoutOf(configuration.levels, configuration.moduleOffset);
    this.machine = new Machine(journal, configuration, KernelImage.endFrame);
    this.log = new KernelLog(journal);
    this.locks = new Locks(journal);
    this.rcu = new Rcu(journal);
    this.image = new KernelImage(journal, this.layout);
    this.#mapKernelImage();
    this.directMap = this.#mapDirectMap();

    const { machine, log, locks, image, directMap } = this;
    this.vmapAreas = new VmapAreas(journal, machine, locks);
    this.staticProtections = new StaticProtections(image, machine.kernelTables);
    const { vmapAreas, staticProtections } = this;
    const { gigabytePages } = configuration;
    this.largePages = new LargePages({ machine, locks, failing, image, directMap, staticProtections, gigabytePages });
    const { largePages } = this;
    const behaviour = profile.pageAttributes;
    this.changePageAttr = new ChangePageAttr({
      machine,
      behaviour,
      locks,
      log,
      image,
      directMap,
      staticProtections,
      largePages,
    });
    const { changePageAttr } = this;
    this.setMemory = new SetMemory({ machine, behaviour, directMap, changePageAttr, largePages, vmapAreas });
    this.vmMapping = new VmMapping(machine, failing);
    const { setMemory, vmMapping: mapping } = this;
    this.vmalloc = new Vmalloc({
      journal,
      machine,
      behaviour: profile.vmalloc,
      failing,
      log,
      directMap,
      setMemory,
      vmapAreas,
      mapping,
    });
    this.access = new KernelAccess(machine);
    this.textPoke = new TextPoke({ journal, machine, locks, log, image, access: this.access });
    this.livePatching = new LivePatching(journal, this.textPoke, this.access);
    this.temporaryRw = new TemporaryRw(journal, setMemory);
    const memory = new ExecutableMemory({ ...this, profile: profile.progPack, modules: this.layout.modules });
    this.sharing = new TextSharing({ ...this, profile: profile.execmem, memory });
    const { tail, keepsTextTail } = this.sharing;
    this.markRodataRo = new MarkRodataRo(machine, image, setMemory, keepsTextTail ? tail : undefined);
    const { moduleOffset } = configuration;
    this.text = new BpfText({ ...this, profile: profile.progPack, moduleOffset });
  }

  /** Runs the rest of boot: after it nothing is writable and executable. Call it once, on a fresh world. */
  finishBoot(): this {
    for (const _ of readOnlySteps) assert(this.markRodataRo.next() === 0, 'boot has the memory it needs');
    return this;
  }

  /** The image's high mapping as head_64.S leaves it: writable and executable. */
  #mapKernelImage(): void {
    const { machine, image } = this;
    const { first, end } = image.whole;
    const firstFrame = image.firstFrame;
    const flags = KERNEL_DATA & ~NO_EXECUTE;
    const largest = machine.configuration.pse ? 2 : 1;
    mapAtBoot(machine, { firstPage: first, firstFrame, pageCount: end - first, flags, largest });
    for (let frame = firstFrame; frame < KernelImage.endFrame; frame++) {
      machine.memory.frame(frame).setUse('kernel-image');
    }
  }

  /** All of memory, writable and never executable, in the largest leaves that the machine knows. */
  #mapDirectMap(): DirectMap {
    const { machine, journal } = this;
    const { pse, frames } = machine.configuration;
    const firstPage = this.layout.directMap;
    const largest = !pse ? 1 : this.configuration.gigabytePages ? 3 : 2;
    const range = { firstPage, firstFrame: 0, pageCount: frames, flags: KERNEL_DATA, largest } as const;
    return new DirectMap(journal, firstPage, frames, mapAtBoot(machine, range));
  }
}
