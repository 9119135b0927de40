import { readFileSync } from 'node:fs';
import { addressOf, pageOf } from '../../base/page.ts';
import { directMapCounters, type LeafCounts } from './audit-census.ts';
import { available, errnoName, type Facility, having, notSupported } from './facility.ts';
import { readKernelSymbols } from './kallsyms.ts';
import type { LiveKernel } from './live-kernel.ts';
import { type LoadedText, TextLoader } from './loaded-texts.ts';
import type { DirectMapDelta, FreedPart, PackObservation, PackStepObservation } from './prog-pack-observation.ts';
import { TextPages } from './text-pages.ts';

/**
 * Loads and closes programs on the running kernel and observes after each step what recordings of program packs hold. The
 * packs that exist are filled first, so a sequence begins with a pack of its own; who else loads programs meanwhile may land
 * in it, which is noticed ({@link Disturbed}) and never touched.
 */
export class ProgPackObserver {
  readonly #loader: TextLoader;
  readonly #pages: TextPages;
  readonly #programs = new Map<number, LoadedText>();
  readonly #packs = new Map<number, bigint>();
  #nextProgram = 0;
  #nextPack = 0;

  private constructor(loader: TextLoader, pages: TextPages) {
    this.#loader = loader;
    this.#pages = pages;
  }

  static open(kernel: LiveKernel): Facility<ProgPackObserver> {
    return having(kernel.symbols, () =>
      having(kernel.bpf, (bpf) =>
        having(kernel.memory, (memory) =>
          having(kernel.pageWalk, (walk) => {
            const nodes = readFileSync('/sys/devices/system/node/possible', 'latin1').trim();
            if (nodes !== '0')
              return notSupported(`nodes ${nodes}: packs are larger`, 'use a machine of one NUMA node');
            const pages = new TextPages(memory, walk);
            const loader = new TextLoader(bpf, pages);
            const observer = new ProgPackObserver(loader, pages);
            observer.#settle(loader.fillPacks());
            return available(observer);
          }),
        ),
      ),
    );
  }

  /** The length of the shortest program; the next longer one has two bytes more. */
  get shortest(): number {
    return this.#loader.shortest;
  }

  /** Makes ready for a sequence, which begins with no program and no pack of its own. */
  begin(): void {
    const left = [...this.#programs.values()];
    this.#programs.clear();
    // After a disturbance others may hold packs that have room: those are filled as well.
    if (left.length > 0 || this.#packs.size > 0) this.#settle([...left, ...this.#loader.fillPacks()]);
    this.#packs.clear();
    this.#nextProgram = 0;
    this.#nextPack = 0;
  }

  /** Loads a program whose machine code has a given length: {@link shortest}, or at least two bytes more. */
  load(codeBytes: number): PackStepObservation {
    const before = readCounters();
    const text = this.#loader.load(codeBytes);
    const args = { len: codeBytes };
    if (typeof text === 'number') return { op: 'load', args, result: errnoName(text), ...this.#state() };
    const id = this.#nextProgram++;
    this.#programs.set(id, text);
    const newPack = this.#noticePack(text);
    const opened = newPack === undefined ? {} : { newPack, directMapDeltaKB: deltaBetween(before, readCounters()) };
    return { op: 'load', args, result: { id }, ...this.#state(), ...opened };
  }

  /** Closes programs at once, and waits until the kernel has taken back what they held. */
  close(ids: readonly number[]): PackStepObservation {
    const closed = ids.map((id) => this.#programs.get(id)!);
    const parts = closed.map((text) => ({ ...this.#placeOf(text), size: text.size, header: text.header }));
    for (const id of ids) this.#programs.delete(id);
    const emptied = [...this.#packs].filter(([number]) => !this.#holdsPrograms(number));
    for (const text of closed) this.#loader.release(text);
    const isTakenBack = (part: Freed) =>
      !this.#pages.isMapped(part.header) || this.#pages.areTraps(part.header, part.size);
    const isGone = ([, base]: readonly [number, bigint]) => !this.#pages.isMapped(base);
    if (!this.#await(() => parts.every(isTakenBack) && emptied.every(isGone))) this.#demandPeace();
    const gone = emptied.filter(isGone);
    for (const [number] of gone) this.#packs.delete(number);
    const freed = parts.map(({ header, ...part }): FreedPart => {
      const state = !this.#packs.has(part.pack) ? 'released' : isTakenBack({ header, ...part }) ? 'trap' : 'other';
      return { ...part, state };
    });
    const released = gone.map(([pack, base]) => ({ pack, vaPresent: this.#pages.counts(base, PACK_PAGES).va.present }));
    return { op: 'close', args: { ids: [...ids] }, result: 'ok', ...this.#state(), freed, released };
  }

  /** Closes everything, what fills the packs included. */
  end(): void {
    for (const text of this.#programs.values()) this.#loader.release(text);
    this.#programs.clear();
    this.#loader.close();
  }

  #state(): Pick<PackStepObservation, 'live' | 'packs' | 'areas'> {
    const live = [...this.#programs].map(([id, text]) => {
      const { size, imageOffset, codeBytes: jited } = text;
      return { id, jited, extable: 0, parts: [{ ...this.#placeOf(text), size, imageOffset, jited }] };
    });
    return { live, packs: [...this.#packs].map(([pack, base]) => this.#observePack(pack, base)), areas: [] };
  }

  #observePack(pack: number, base: bigint): PackObservation {
    const used = this.#usedChunks(base);
    const free = complementOf(used);
    const chunkAt = (chunk: number) => base + BigInt(chunk * CHUNK_BYTES);
    const areTraps = () =>
      free.every(([first, end]) => this.#pages.areTraps(chunkAt(first), (end - first) * CHUNK_BYTES));
    const freeChunksAllTrap = areTraps();
    if (!freeChunksAllTrap) {
      this.#demandPeace();
      if (areTraps()) throw new Disturbed(`somebody else's code came and went in pack ${pack}`);
    }
    const guardAfter = this.#pages.isGuarded(base, PACK_PAGES);
    return { pack, used, freeChunksAllTrap, guardAfter, ...this.#pages.counts(base, PACK_PAGES) };
  }

  /** Throws where code of others lies in a pack of ours: then what looks wrong there is theirs. */
  #demandPeace(): void {
    Atomics.wait(SLEEP, 0, 0, PUBLICATION_MILLISECONDS);
    const symbols = readKernelSymbols();
    const own = new Set([...this.#programs.values()].map(({ header, imageOffset }) => header + BigInt(imageOffset)));
    const foreign = symbols instanceof Error ? [] : symbols.bpf.filter(({ address }) => !own.has(address));
    const intruder = foreign.find(({ address }) => [...this.#packs.values()].some((base) => isInside(address, base)));
    if (intruder !== undefined) throw new Disturbed(`${intruder.name} lies in a pack of ours`);
  }

  /** Runs of chunks of our own programs, first and last inclusive, neighbours joined. */
  #usedChunks(base: bigint): readonly (readonly [number, number])[] {
    const runs: [number, number][] = [];
    const inside = [...this.#programs.values()].filter((text) => isInside(text.header, base));
    for (const { header, size } of inside.toSorted((left, right) => (left.header < right.header ? -1 : 1))) {
      const first = Number(header - base) / CHUNK_BYTES;
      const last = first + Math.ceil(size / CHUNK_BYTES) - 1;
      const before = runs.at(-1);
      if (before !== undefined && before[1] + 1 === first) before[1] = last;
      else runs.push([first, last]);
    }
    return runs;
  }

  /** A program outside every pack of the sequence has opened a new one, which it then begins. */
  #noticePack({ header, size }: LoadedText): number | undefined {
    if ([...this.#packs.values()].some((base) => isInside(header, base))) return undefined;
    const begins = (header & 0xfffn) === 0n && !this.#pages.isMapped(addressOf(pageOf(header) - 1));
    if (!begins || size > PACK_BYTES) throw new Disturbed('a program went where somebody else had made room');
    const pack = this.#nextPack++;
    this.#packs.set(pack, header);
    return pack;
  }

  #placeOf({ header }: LoadedText): { readonly pack: number; readonly chunk: number } {
    const [pack, base] = [...this.#packs].find(([, start]) => isInside(header, start))!;
    return { pack, chunk: Number(header - base) / CHUNK_BYTES };
  }

  #holdsPrograms(pack: number): boolean {
    return [...this.#programs.values()].some((text) => isInside(text.header, this.#packs.get(pack)!));
  }

  /** Releases programs that no sequence is to see, and waits until their memory is taken back. */
  #settle(texts: readonly LoadedText[]): void {
    for (const text of texts) this.#loader.release(text);
    this.#await(() => texts.every(({ header }) => !this.#pages.isMapped(header)));
  }

  /** Memory is taken back after a grace period, by a work item: bounded waiting. Whether the condition came true. */
  #await(condition: () => boolean): boolean {
    for (let waited = 0; waited < PATIENCE_MILLISECONDS; waited += POLL_MILLISECONDS) {
      if (condition()) return true;
      Atomics.wait(SLEEP, 0, 0, POLL_MILLISECONDS);
    }
    return condition();
  }
}

/** Somebody else used executable memory meanwhile: the sequence says nothing and can be tried again. */
export class Disturbed extends Error {
  override readonly name = 'Disturbed';
}

type Freed = Pick<LoadedText, 'header' | 'size'>;

const isInside = (address: bigint, base: bigint): boolean => base <= address && address < base + BigInt(PACK_BYTES);

/** The free runs between used ones: first chunk, and the one behind the last. */
function complementOf(used: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const ends = [0, ...used.map(([, last]) => last + 1)];
  const starts = [...used.map(([first]) => first), PACK_BYTES / CHUNK_BYTES];
  return ends.map((end, index) => [end, starts[index]!] as const).filter(([first, end]) => first < end);
}

function readCounters(): LeafCounts | undefined {
  return directMapCounters(readFileSync('/proc/meminfo', 'latin1'));
}

function deltaBetween(before: LeafCounts | undefined, after: LeafCounts | undefined): DirectMapDelta {
  const change = (size: keyof LeafCounts) => (after?.[size] ?? 0) - (before?.[size] ?? 0);
  return { '4k': change('4K') * 4, '2M': change('2M') * 2048, '1G': change('1G') * 1048576 };
}

const CHUNK_BYTES = 64;
const PACK_PAGES = 512;
const PACK_BYTES = PACK_PAGES * 4096;
const POLL_MILLISECONDS = 2;
const PATIENCE_MILLISECONDS = 3000;
/** A program's symbol appears shortly after its code. */
const PUBLICATION_MILLISECONDS = 50;
const SLEEP = new Int32Array(new SharedArrayBuffer(4));
