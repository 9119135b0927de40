import { release } from 'node:os';
import { Bpf, MAP_TYPE_ARRAY } from './bpf.ts';
import { BtfLookup } from './btf-lookup.ts';
import { available, type Facility, having, notPermitted, notSupported, refused, thingOf } from './facility.ts';
import { type KernelSymbols, readKernelSymbols } from './kallsyms.ts';
import { KernelMemory } from './kernel-memory.ts';
import { Libc } from './libc.ts';
import { findRoots } from './page-table-roots.ts';
import { PageWalk } from './page-walk.ts';

/**
 * The kernel that this process runs on, as far as it lets itself be looked at: each facility is there, or says why not. What
 * builds on a missing facility is missing for the same reason, so nobody has to ask twice.
 *
 * Whatever is made through it belongs to this process alone and dies with it, by {@link close} or otherwise.
 */
export class LiveKernel {
  /** As uname(2) says it, such as `6.18.44-generic`. */
  readonly release = release();
  /** Calling the C library. */
  readonly libc: Facility<Libc>;
  /** Calling bpf(2) at all. */
  readonly bpf: Facility<Bpf>;
  /** The kernel's own type information. */
  readonly btf: Facility<BtfLookup>;
  /** Kernel addresses of text and of JITed programs. */
  readonly symbols: Facility<KernelSymbols>;
  /** Reading any kernel address. */
  readonly memory: Facility<KernelMemory>;
  /** Reading the kernel's page tables. */
  readonly pageWalk: Facility<PageWalk>;

  private constructor(libc: Facility<Libc>) {
    this.libc = libc;
    this.bpf = having(libc, openBpf);
    this.btf = openBtf();
    this.symbols = openSymbols();
    this.memory = having(libc, (c) => having(this.bpf, (bpf) => KernelMemory.open(c, bpf)));
    this.pageWalk = having(libc, (c) =>
      having(this.btf, (btf) => having(this.memory, (memory) => openPageWalk(c, memory, btf))),
    );
  }

  static async open(): Promise<LiveKernel> {
    const libc = await Libc.open();
    if (typeof libc !== 'string') return new LiveKernel(available(libc));
    return new LiveKernel(notSupported(libc, 'use Linux on x86-64, with the packages installed for it (npm ci)'));
  }

  /** Releases every map and program that was made. */
  close(): void {
    thingOf(this.bpf)?.close();
  }
}

function openBpf(libc: Libc): Facility<Bpf> {
  const bpf = new Bpf(libc);
  const map = bpf.createMap({ map_type: MAP_TYPE_ARRAY, key_size: 4, value_size: 8, max_entries: 1 });
  if (map < 0) {
    return refused('creating an array map', map, {
      permit: 'run as root, or with CAP_BPF; in a container bpf(2) may be forbidden to root too',
      support: 'needs a kernel with CONFIG_BPF_SYSCALL',
    });
  }
  bpf.release(map);
  return available(bpf);
}

function openBtf(): Facility<BtfLookup> {
  const btf = BtfLookup.ofKernel();
  if (!(btf instanceof Error)) return available(btf, `${btf.typeCount} types`);
  return notSupported(btf.message, 'needs a kernel with CONFIG_DEBUG_INFO_BTF');
}

function openSymbols(): Facility<KernelSymbols> {
  const symbols = readKernelSymbols();
  if (symbols instanceof Error) return notSupported(symbols.message, 'needs a kernel with CONFIG_KALLSYMS');
  if (symbols.textStart !== undefined) return available(symbols, `text begins at 0x${symbols.textStart.toString(16)}`);
  return notPermitted(
    'every address in /proc/kallsyms reads 0',
    'run as root or with CAP_SYSLOG; kernel.kptr_restrict below 2',
  );
}

/** The walk is believed only when it finds the top table itself where the direct map says it is. */
function openPageWalk(libc: Libc, memory: KernelMemory, btf: BtfLookup): Facility<PageWalk> {
  return having(findRoots(libc, memory, btf), (roots) => {
    const walk = new PageWalk(memory, roots);
    const topPage = Number(roots.top >> 12n);
    const leaf = walk.leafAt(topPage);
    const frame = leaf === undefined ? undefined : leaf.frame + (topPage - leaf.page);
    if (frame !== Number((roots.top - roots.directMap) >> 12n)) {
      return notSupported('the top table is not where the direct map says', 'report the version of this kernel');
    }
    return available(walk, `${roots.levels} levels, direct map at 0x${roots.directMap.toString(16)}`);
  });
}
