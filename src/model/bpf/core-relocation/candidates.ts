/**
 * Which kernel types can stand for a local one: those of equal essential name and fitting kind, ids ascending. libbpf
 * searches once per local type (libbpf.c:bpf_core_find_cands()); the kernel keeps a small cache for all programs, whose
 * key is the NAME alone: a query for `union list_head` answers a later one for `struct list_head`
 * (kernel/bpf/btf.c:bpf_core_find_cands(); the known bug N1 of 6.18).
 * Types of modules are searched only where vmlinux gives nothing. The kernel caches them apart, in 31 slots of their own;
 * here one entry holds what was found, which differs only in what a collision forgets. Left out: the mutex, because loads
 * are atomic here.
 */

import type { Journal } from '../../../base/journal.ts';
import type { Btf } from '../btf/blob.ts';
import { essentialName } from '../btf/essential-name.ts';
import { isAnyEnum } from '../btf/type.ts';
import { jhash } from './jhash.ts';
import type { RelocationPolicy } from './policy.ts';

/** One target type a local type may be relocated to. */
export interface Candidate {
  readonly btf: Btf;
  readonly typeId: number;
  /** The id a TYPE_ID_TARGET relocation writes: differs from typeId where `btf` is an extract of a larger blob. */
  readonly visibleId: number;
}

/** Where target types come from: all types of one essential name, whatever their kind, ids ascending. */
export interface TargetTypes {
  namesakes(essential: string): readonly Candidate[];
  /** The same for loaded modules; missing where there are none or, for libbpf, where the caller may not enumerate them (V11). */
  readonly moduleNamesakes?: ((essential: string) => readonly Candidate[]) | undefined;
}

/** A whole blob as the target, as a running kernel has it. */
export const targetFrom = (btf: Btf): TargetTypes => ({
  namesakes: (essential) => btf.namesakes(essential).map((typeId) => ({ btf, typeId, visibleId: typeId })),
});

/** Finds the candidates for a local type. */
export interface CandidateFinder {
  /** undefined for an unknown or anonymous local type, for which no search is possible. The list belongs to the caller to prune. */
  find(local: Btf, typeId: number): Candidate[] | undefined;
}

/** Searches the target anew on every question. */
export function searchCandidates(
  target: TargetTypes,
  local: Btf,
  typeId: number,
  policy: RelocationPolicy,
): Candidate[] | undefined {
  const type = local.type(typeId);
  if (type === undefined || type.name === '') return undefined;
  const fits = ({ btf, typeId: id }: Candidate): boolean => {
    const other = btf.type(id)!;
    if (other.kind === type.kind) return true;
    return policy.candidateKinds === 'enums-mix' && isAnyEnum(other) && isAnyEnum(type);
  };
  const name = essentialName(type.name);
  const found = target.namesakes(name).filter(fits);
  return found.length > 0 ? found : (target.moduleNamesakes?.(name).filter(fits) ?? []);
}

/** libbpf's finder: one list per local type id for the whole object, shared by all records of that type. */
export class CandidatesPerLocalType implements CandidateFinder {
  readonly #lists = new Map<number, Candidate[]>();
  readonly #target: TargetTypes;
  readonly #policy: RelocationPolicy;

  constructor(target: TargetTypes, policy: RelocationPolicy) {
    this.#target = target;
    this.#policy = policy;
  }

  find(local: Btf, typeId: number): Candidate[] | undefined {
    const known = this.#lists.get(typeId);
    if (known !== undefined) return known;
    const found = searchCandidates(this.#target, local, typeId, this.#policy);
    if (found !== undefined) this.#lists.set(typeId, found);
    return found;
  }
}

/** Slots of the kernel's cache (VMLINUX_CAND_CACHE_SIZE). */
const CACHE_SLOTS = 31;

/** The kernel's cache, living as long as the machine: one entry a slot, a collision overwrites, empty answers are kept too. */
export class CandidateCache implements CandidateFinder {
  readonly #slots: (CacheEntry | undefined)[] = new Array(CACHE_SLOTS).fill(undefined);
  readonly #target: TargetTypes;
  readonly #policy: RelocationPolicy;
  readonly #journal: Journal | undefined;

  /** With a journal, what the cache learns can be undone. */
  constructor(target: TargetTypes, policy: RelocationPolicy, journal?: Journal) {
    this.#target = target;
    this.#policy = policy;
    this.#journal = journal;
  }

  find(local: Btf, typeId: number): Candidate[] | undefined {
    const type = local.type(typeId);
    if (type === undefined || type.name === '') return undefined;
    const name = essentialName(type.name);
    const slot = slotOf(name);
    let entry = this.#slots[slot];
    if (entry?.name !== name) {
      entry = { name, candidates: searchCandidates(this.#target, local, typeId, this.#policy) ?? [] };
      this.#fill(slot, entry);
    }
    return [...entry.candidates];
  }

  /** Forgets one name, as an unrelated name that falls into its slot would make the kernel do. */
  evict(name: string): void {
    const slot = slotOf(essentialName(name));
    if (this.#slots[slot]?.name === essentialName(name)) this.#fill(slot, undefined);
  }

  #fill(slot: number, entry: CacheEntry | undefined): void {
    this.#journal?.record(this.#slots, slot, this.#slots[slot]);
    this.#slots[slot] = entry;
  }
}

interface CacheEntry {
  readonly name: string;
  readonly candidates: readonly Candidate[];
}

/** The slot of an essential name. */
export const slotOf = (essential: string): number => jhash(Buffer.from(essential, 'latin1')) % CACHE_SLOTS;
