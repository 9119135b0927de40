import { bytesEqual } from '../../base/bytes.ts';
import type { Journal } from '../../base/journal.ts';
import type { Cpu } from '../machine/machine.ts';
import type { KernelAccess } from './kernel-access.ts';
import type { TextPlace, TextPoke } from './text-poke.ts';

/** One instruction to replace: where, what stood there, and what shall. */
export interface PatchSite {
  readonly place: TextPlace;
  readonly old: Uint8Array;
  readonly new: Uint8Array;
}

export type PatchPhase = 'trapped' | 'tails-written' | 'heads-written' | 'finished';

/** A batch on its way through the protocol. */
export interface PatchBatch {
  readonly sites: readonly PatchSite[];
  phase: PatchPhase;
}

/** What a CPU that came to a site ran. `torn`: neither instruction; `stray-trap`: an int3 that nobody handles. */
export type Ran = 'old' | 'new' | 'emulated' | 'torn' | 'stray-trap' | 'fault';

export const INT3 = 0xcc;

/**
 * Replaces instructions while other CPUs may run them (alternative.c: smp_text_poke_batch_finish()): first bytes become int3, then
 * the tails are written, then the first bytes; after each phase every CPU is made to serialise, which is why a phase ends a
 * step. The whole runs under text_mutex, so there is one batch at a time.
 */
export class LivePatching {
  readonly #journal: Journal;
  readonly #textPoke: TextPoke;
  readonly #access: KernelAccess;
  readonly #state: { active: PatchBatch | undefined } = { active: undefined };

  constructor(journal: Journal, textPoke: TextPoke, access: KernelAccess) {
    this.#journal = journal;
    this.#textPoke = textPoke;
    this.#access = access;
  }

  /** The batch whose int3 handler is installed. */
  get active(): PatchBatch | undefined {
    return this.#state.active;
  }

  /** Installs the handler and puts an int3 at every site. `places` are apart by at least the length of `bytes`. */
  begin(cpu: Cpu, places: readonly TextPlace[], bytes: Uint8Array): PatchBatch {
    const sites = places.map((place) => ({ place, old: this.#bytesAt(place, bytes.length), new: bytes }));
    const batch: PatchBatch = { sites, phase: 'trapped' };
    this.#journal.set(this.#state, 'active', batch);
    for (const { place } of sites) this.#textPoke.poke(cpu, place, Uint8Array.of(INT3));
    return batch;
  }

  /** Performs the phase after the one the batch is in. */
  advance(cpu: Cpu, batch: PatchBatch): void {
    const next = this.phaseAfter(batch.phase);
    for (const site of batch.sites) {
      if (next === 'tails-written') this.#writeTail(cpu, site);
      if (next === 'heads-written') this.#textPoke.poke(cpu, site.place, site.new.subarray(0, 1));
    }
    if (next === 'finished') this.#journal.set(this.#state, 'active', undefined);
    this.#journal.set(batch, 'phase', next);
  }

  phaseAfter(phase: PatchPhase): PatchPhase {
    return phase === 'trapped' ? 'tails-written' : phase === 'tails-written' ? 'heads-written' : 'finished';
  }

  /** What a CPU runs that comes to the site now; the int3 handler emulates the new instruction (smp_text_poke_int3_handler()). */
  execute(cpu: Cpu, site: PatchSite): Ran {
    const found = this.#access.fetch(cpu, site.place.page, site.place.offset, site.new.length);
    if (!(found instanceof Uint8Array)) return 'fault';
    if (bytesEqual(found, site.new)) return 'new';
    if (bytesEqual(found, site.old)) return 'old';
    if (found[0] !== INT3) return 'torn';
    return this.handles(site) ? 'emulated' : 'stray-trap';
  }

  /** Whether the int3 handler knows the site. */
  handles(site: PatchSite): boolean {
    return this.active?.sites.includes(site) ?? false;
  }

  #writeTail(cpu: Cpu, { place, new: bytes }: PatchSite): void {
    if (bytes.length > 1) this.#textPoke.poke(cpu, { page: place.page, offset: place.offset + 1 }, bytes.subarray(1));
  }

  #bytesAt({ page, offset }: TextPlace, length: number): Uint8Array {
    return this.#access.peek(page, offset, length) ?? new Uint8Array(length);
  }
}
