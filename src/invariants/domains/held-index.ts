import type { Happened } from '../../language/invariant.ts';
import type { Cpu } from '../../model/machine/machine.ts';
import { pagesAtLevel } from '../../model/machine/page-table.ts';
import { type CachedTranslation, Tlb } from '../../model/machine/tlb.ts';
import type { World } from '../../model/world.ts';

/** A translation that a CPU holds. */
export interface Held {
  readonly cpu: Cpu;
  readonly translation: CachedTranslation;
}

/** A run of frames, as large as a leaf. */
interface FrameRun {
  readonly frame: number;
  readonly level: number;
}

/** What all CPUs hold at one moment, and by frame which of it leads there. */
class HeldIndex {
  readonly all: readonly Held[];
  /** The state of the caches that it was read from: see {@link Tlb.revision}. */
  readonly revision: number;
  /** By frame, small translations; by 2 MiB of frames, small and large ones. Made when first asked for. */
  #byFrame: Map<number, Held[]> | undefined;
  readonly #smallIn2M = new Map<number, Held[]>();
  readonly #byBlock = new Map<number, Held[]>();
  readonly #huge: Held[] = [];

  constructor({ machine }: World, revision: number) {
    const all: Held[] = [];
    for (const cpu of machine.cpus) cpu.mmu.tlb.eachTranslation((translation) => all.push({ cpu, translation }));
    this.all = all;
    this.revision = revision;
  }

  meeting(run: FrameRun): readonly Held[] {
    if (run.level > 2) return this.all.filter(({ translation }) => framesMeet(run, translation));
    const byFrame = this.#frames();
    const block = run.frame >>> 9;
    const small = run.level === 1 ? byFrame.get(run.frame) : this.#smallIn2M.get(block);
    const large = this.#byBlock.get(block);
    const huge = this.#huge.filter(({ translation }) => framesMeet(run, translation));
    return [...(small ?? NONE), ...(large ?? NONE), ...huge];
  }

  #frames(): Map<number, Held[]> {
    if (this.#byFrame !== undefined) return this.#byFrame;
    this.#byFrame = new Map();
    for (const held of this.all) {
      const { frame, level } = held.translation;
      if (level === 3) this.#huge.push(held);
      else if (level === 2) add(this.#byBlock, frame >>> 9, held);
      else {
        add(this.#byFrame, frame, held);
        add(this.#smallIn2M, frame >>> 9, held);
      }
    }
    return this.#byFrame;
  }
}

const NONE: readonly Held[] = [];

function add(index: Map<number, Held[]>, key: number, held: Held): void {
  const found = index.get(key);
  if (found === undefined) index.set(key, [held]);
  else found.push(held);
}

const indexes = new WeakMap<World, HeldIndex>();

/** The index of what is held now; most steps change no cache, and find the last one. */
function indexOf(world: World): HeldIndex {
  let revision = 0;
  for (const cpu of world.machine.cpus) revision += cpu.mmu.tlb.revision;
  let index = indexes.get(world);
  if (index === undefined || index.revision !== revision) {
    index = new HeldIndex(world, revision);
    indexes.set(world, index);
  }
  return index;
}

/** Every translation that some CPU holds. */
export const heldBy = (world: World): readonly Held[] => indexOf(world).all;

/** Those of them that lead to some of these frames. */
export const heldMeeting = (world: World, run: FrameRun): readonly Held[] => indexOf(world).meeting(run);

/** Translations that some CPU cached in the last step and still holds. */
export function newlyHeld({ machine }: World, { changes }: Happened): readonly Held[] {
  if (changes.of(Tlb).length === 0) return NONE;
  const held: Held[] = [];
  changes.each((owner, key) => {
    if (!(owner instanceof Tlb) || typeof key === 'symbol') return;
    const translation = key as CachedTranslation;
    if (translation.kind !== 'translation') return;
    if (owner.lookup(translation.firstPage, translation.space) === translation) {
      held.push({ cpu: machine.cpu(owner.cpu), translation });
    }
  });
  return held;
}

/** Whether two runs of frames have a frame in common. */
function framesMeet(left: FrameRun, right: FrameRun): boolean {
  return left.frame < right.frame + pagesAtLevel(right.level) && right.frame < left.frame + pagesAtLevel(left.level);
}
