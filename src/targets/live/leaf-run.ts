/**
 * Leaves of a page table as they lie: a run is consecutive leaves of one size and the same effective rights over consecutive
 * frames. The direct map of a machine is some thousand runs where it is some ten thousand leaves.
 */
export interface LeafRun extends Rights {
  /** The number of the first page: the virtual address shifted right by 12. */
  readonly page: number;
  /** The first frame behind it. */
  readonly frame: number;
  readonly leafPages: LeafPages;
  readonly leafCount: number;
}

/** Effective rights: writable where every level says so, executable where no level forbids it. */
export interface Rights {
  readonly writable: boolean;
  readonly executable: boolean;
}

/** How many base pages one leaf maps: 4 KiB, 2 MiB or 1 GiB. */
export type LeafPages = 1 | 512 | 262144;

export const pageCountOf = ({ leafPages, leafCount }: LeafRun): number => leafPages * leafCount;

/** The name of a leaf's size, as /proc/meminfo has it. */
export const leafSizeName = (pages: LeafPages): '4K' | '2M' | '1G' =>
  pages === 1 ? '4K' : pages === 512 ? '2M' : '1G';

/** `r-x` and the like: kernel mappings can always be read. */
export const rightsText = ({ writable, executable }: Rights): string =>
  `r${writable ? 'w' : '-'}${executable ? 'x' : '-'}`;

/** Puts leaves into runs; they come in the order of their addresses. */
export class LeafRuns {
  readonly #runs: LeafRun[] = [];
  #leafCount = 0;

  add(leaf: Omit<LeafRun, 'leafCount'>): void {
    const last = this.#runs.at(-1);
    this.#leafCount += 1;
    if (last !== undefined && continues(last, leaf)) {
      this.#runs[this.#runs.length - 1] = { ...last, leafCount: last.leafCount + 1 };
    } else {
      this.#runs.push({ ...leaf, leafCount: 1 });
    }
  }

  get runs(): readonly LeafRun[] {
    return this.#runs;
  }

  get leafCount(): number {
    return this.#leafCount;
  }
}

function continues(run: LeafRun, leaf: Omit<LeafRun, 'leafCount'>): boolean {
  const pages = pageCountOf(run);
  return (
    run.leafPages === leaf.leafPages &&
    run.writable === leaf.writable &&
    run.executable === leaf.executable &&
    run.page + pages === leaf.page &&
    run.frame + pages === leaf.frame
  );
}
