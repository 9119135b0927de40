import { Journal } from '../base/journal.ts';
import { Random } from '../base/seed.ts';
import { configurationOf } from '../lab/boot-world.ts';
import type { MachineSettings } from '../language/suite.ts';
import type { KernelProfile } from '../model/kernel/profile.ts';
import { textAllocator, textFunctions } from '../model/text-door/door.ts';
import type { HeldText, TextAllocator } from '../model/text-door/text-allocator.ts';
import { World } from '../model/world.ts';
import { Pace, type PaceOptions } from './pace.ts';
import { type DirectMapLeaves, directMapLeaves, mappedText, splits } from './text-counts.ts';
import type { Work, Workload } from './workload.ts';

/** What one kernel made of a workload: a row of the table. */
export interface Row {
  readonly kernel: string;
  /** Functions by which the kernel's users get text: one where it has one API for all. */
  readonly apis: readonly string[];
  readonly loads: number;
  readonly unloads: number;
  /** Loads that found no room. */
  readonly refused: number;
  /** The most that lived at once. */
  readonly live: number;
  readonly directMap: {
    readonly before: DirectMapLeaves;
    readonly loaded: DirectMapLeaves;
    /** With everything unloaded again. */
    readonly after: DirectMapLeaves;
    /** Since boot. */
    readonly splits: number;
  };
  /** TLB flushes on all CPUs and on one, in the mean. */
  readonly flushes: { readonly load: Flushes; readonly unload: Flushes };
  /** With everything loaded. */
  readonly text: {
    readonly pages: number;
    readonly leaves4K: number;
    readonly leaves2M: number;
    readonly bytesAsked: number;
    /** Executable memory behind them. */
    readonly bytesReserved: number;
    readonly bytesWasted: number;
  };
  /** Entries that became writable and executable, if only for an instant, and leaves that were found so. */
  readonly writableAndExecutable: number;
  readonly microsecondsPerOperation: number;
  /** The time of the last tenth of the work while the population lived against that of the first; undefined without such work. */
  readonly lastTenthToFirst: number | undefined;
  /** The curves over the number of programs. */
  readonly samples: readonly Sample[];
}

export interface Flushes {
  readonly global: number;
  readonly local: number;
}

/** What stood when so many programs had been loaded. */
export interface Sample {
  readonly programs: number;
  readonly splits: number;
  readonly globalFlushes: number;
  readonly leaves: number;
  readonly bytesReserved: number;
}

export interface MeasureOptions extends PaceOptions {
  readonly machine: MachineSettings;
  readonly seed: string;
}

/** Points of a curve. */
const SAMPLES = 24;
const CPU = 0;
/** What programs are made of here: NOP. */
const CODE = 0x90;

/** Does the work on a fresh world of the kernel; undefined when it was stopped. The same seed is the same work on every kernel. */
export async function measure(
  profile: KernelProfile,
  workload: Workload,
  options: MeasureOptions,
): Promise<Row | undefined> {
  const world = new World(profile, configurationOf(options.machine), new Journal(0)).finishBoot();
  const site = new Site(world, textAllocator(world, workload.user));
  const random = new Random(options.seed);
  const before = directMapLeaves(world);
  const splitByBoot = splits(world);
  const samples: Sample[] = [];
  const pace = new Pace(options);

  const every = Math.max(1, Math.floor(workload.programs / SAMPLES));
  for (const work of workload.grow(random)) {
    site.perform(work);
    if (pace.step() && (await pace.breathe())) return undefined;
    if (site.counts.loads % every === 0) samples.push(pace.aside(() => sampleOf(world, site, splitByBoot)));
  }
  // A population that comes and goes is looked at when it is largest, any other when it has lived.
  let fullest: ReturnType<typeof textOf> | undefined;
  pace.beginTenths();
  for (const work of workload.live(random)) {
    site.perform(work);
    if (pace.step() && (await pace.breathe())) return undefined;
    if (samples.length > 0 || fullest !== undefined || site.live.length < workload.programs) continue;
    fullest = pace.aside(() => textOf(world, site));
  }
  const lastTenthToFirst = pace.endTenths();
  const { writableLeaves, ...text } = fullest ?? pace.aside(() => textOf(world, site));
  const loaded = directMapLeaves(world);
  while (site.live.length > 0) {
    site.perform({ kind: 'unload', which: random.below(site.live.length) });
    if (pace.step() && (await pace.breathe())) return undefined;
  }
  const { counts, flushes } = site;
  return {
    kernel: profile.name,
    apis: textFunctions(world),
    ...counts,
    directMap: { before, loaded, after: directMapLeaves(world), splits: splits(world) - splitByBoot },
    flushes: { load: mean(flushes.load, counts.loads), unload: mean(flushes.unload, counts.unloads) },
    text,
    writableAndExecutable: world.machine.rights.writableAndExecutable + writableLeaves,
    microsecondsPerOperation: (pace.milliseconds * 1000) / Math.max(1, pace.operations),
    lastTenthToFirst,
    samples,
  };
}

/** One allocator at work, and what its work came to. */
class Site {
  readonly live: HeldText[] = [];
  readonly counts = { loads: 0, unloads: 0, refused: 0, live: 0 };
  readonly flushes = { load: { global: 0, local: 0 }, unload: { global: 0, local: 0 } };
  bytesAsked = 0;
  readonly #world: World;
  readonly #allocator: TextAllocator;

  constructor(world: World, allocator: TextAllocator) {
    this.#world = world;
    this.#allocator = allocator;
  }

  perform(work: Work): void {
    const { global, local } = this.#world.machine.flushes;
    if (work.kind === 'load') this.#load(work.size);
    else this.#unload(work.which);
    const { flushes } = this.#world.machine;
    this.flushes[work.kind].global += flushes.global - global;
    this.flushes[work.kind].local += flushes.local - local;
  }

  #load(size: number): void {
    const text = this.#allocator.allocate(size, CPU);
    if (text === undefined) {
      this.counts.refused++;
      return;
    }
    this.#allocator.write(text, 0, new Uint8Array(size).fill(CODE), CPU);
    this.#allocator.publish(text, CPU);
    this.live.push(text);
    this.counts.loads++;
    this.counts.live = Math.max(this.counts.live, this.live.length);
    this.bytesAsked += size;
  }

  /** The last one takes the place of the one that goes; what does not live cannot go. */
  #unload(which: number): void {
    const text = this.live[which];
    if (text === undefined) return;
    const last = this.live.pop()!;
    if (last !== text) this.live[which] = last;
    this.#allocator.free(text, CPU);
    this.#allocator.settle(CPU);
    this.counts.unloads++;
    this.bytesAsked -= text.size;
  }
}

function textOf(world: World, { bytesAsked }: Site) {
  const { bytes, leaves4K, leaves2M, writableLeaves } = mappedText(world);
  const sizes = { bytesAsked, bytesReserved: bytes, bytesWasted: bytes - bytesAsked };
  return { pages: bytes / 4096, leaves4K, leaves2M, ...sizes, writableLeaves };
}

function sampleOf(world: World, { counts }: Site, splitByBoot: number): Sample {
  const { bytes, leaves4K, leaves2M } = mappedText(world);
  return {
    programs: counts.loads,
    splits: splits(world) - splitByBoot,
    globalFlushes: world.machine.flushes.global,
    leaves: leaves4K + leaves2M,
    bytesReserved: bytes,
  };
}

const mean = ({ global, local }: Flushes, count: number): Flushes => ({
  global: global / Math.max(1, count),
  local: local / Math.max(1, count),
});
