import { type Journal, JournaledArray } from '../../../base/journal.ts';
import type { PatchBatch } from '../../kernel/live-patching.ts';
import { pageOfText, type TextAddress } from '../../kernel/text-address.ts';
import type { TextPlace } from '../../kernel/text-poke.ts';
import type { JitMachine } from '../jit/machine.ts';
import { tailCallOffset } from '../jit/tail-call.ts';
import { type BpfProgram, entryOf, type TailCallPatch } from './bpf-program.ts';
import { type KernelObjects, wordBytes } from './kernel-objects.ts';
import type { ProgramSurroundings } from './surroundings.ts';

/** One instruction to be replaced on the way to a new target. */
interface Replacement {
  readonly patch: TailCallPatch;
  readonly address: TextAddress;
  readonly bytes: Uint8Array;
  /** Whether the tail call leads elsewhere from the moment that this replacement begins. */
  readonly decides: boolean;
}

/** prog_array_map_poke_run() under way: the replacements, how far they are, and the batch that is in text now. */
export interface PokeRun {
  readonly replacements: readonly Replacement[];
  readonly target: BpfProgram | undefined;
  done: number;
  batch: PatchBatch | undefined;
}

export interface ProgArrayParts {
  readonly world: ProgramSurroundings;
  readonly objects: KernelObjects;
  readonly size: number;
  /** The JIT's machine as it is now, and bytes in front of functions. */
  readonly jit: () => JitMachine;
  readonly cfiBytes: () => number;
  readonly programs: () => readonly BpfProgram[];
}

/**
 * A program array (kernel/bpf/arraymap.c, BPF_MAP_TYPE_PROG_ARRAY): slots that machine code reads where the index varies, and
 * that are patched into the code where it is constant. Patching goes instruction by instruction, each in the phases of the int3
 * protocol, while other CPUs run the code.
 */
export class ProgArray {
  readonly size: number;
  readonly slots: JournaledArray<BpfProgram | undefined>;
  readonly #parts: ProgArrayParts;
  readonly #journal: Journal;
  /** poke_mutex: one run at a time. */
  readonly #state: { run: PokeRun | undefined } = { run: undefined };

  constructor(parts: ProgArrayParts) {
    this.#parts = parts;
    this.#journal = parts.world.journal;
    this.size = parts.size;
    this.slots = new JournaledArray<BpfProgram | undefined>(this.#journal);
    for (let slot = 0; slot < parts.size; slot++) this.slots.push(undefined);
    parts.objects.writeArray(parts.jit().offsets.maxEntries, Uint8Array.of(parts.size, 0, 0, 0));
  }

  /** The run that holds poke_mutex. */
  get run(): PokeRun | undefined {
    return this.#state.run;
  }

  /** The direct tail calls in a program's text, leading nowhere yet. */
  patchesOf({ texts, tailCalls }: BpfProgram): readonly TailCallPatch[] {
    return texts.flatMap(({ compiled }) =>
      compiled.tailCalls.map(({ bypassOffset, targetOffset, resumeOffset, descriptor }) => ({
        bypass: compiled.address + bypassOffset,
        target: compiled.address + targetOffset,
        resume: compiled.address + resumeOffset,
        ...tailCalls[descriptor]!,
        leadsTo: undefined,
      })),
    );
  }

  /** bpf_tail_call_direct_fixup(): nobody runs the program yet, so its tail calls are written at once. */
  fillIn({ patches }: BpfProgram, cpu: number): void {
    for (const patch of patches) {
      const target = this.slots.at(patch.slot);
      for (const replacement of this.replacements(patch, target)) {
        this.#parts.world.textPoke.copy(this.#cpu(cpu), placeOf(replacement.address), replacement.bytes);
      }
      this.#journal.set(patch, 'leadsTo', target);
    }
  }

  /** BPF_MAP_UPDATE_ELEM and BPF_MAP_DELETE_ELEM: the slot changes at once, the code of direct tail calls step by step. */
  begin(slot: number, target: BpfProgram | undefined): PokeRun {
    const { objects, jit } = this.#parts;
    this.slots.set(slot, target);
    const pointer = target === undefined ? 0n : objects.descriptor(target.descriptor);
    objects.writeArray(jit().offsets.pointers + 8 * slot, wordBytes(pointer));
    const patches = this.#parts.programs().flatMap((program) => program.patches.filter((patch) => patch.slot === slot));
    const replacements = patches.flatMap((patch) => this.replacements(patch, target));
    const run: PokeRun = { replacements, target, done: 0, batch: undefined };
    if (replacements.length > 0) this.#journal.set(this.#state, 'run', run);
    return run;
  }

  /**
   * bpf_arch_poke_desc_update(). A call that leads somewhere is first led there and then let in; one that leads nowhere any more is
   * first led past and then emptied; in both orders a CPU between two replacements meets a whole call or none.
   */
  replacements(patch: TailCallPatch, target: BpfProgram | undefined): readonly Replacement[] {
    const { bypass, target: jump, resume, leadsTo } = patch;
    if (leadsTo === target) return [];
    if (target === undefined) {
      return [
        { patch, address: bypass, bytes: jumpBytes(bypass, resume), decides: true },
        { patch, address: jump, bytes: NOP5, decides: false },
      ];
    }
    const { jit, cfiBytes } = this.#parts;
    const entry = entryOf(target.texts[0]!, cfiBytes()) + tailCallOffset(jit());
    const lead = { patch, address: jump, bytes: jumpBytes(jump, entry), decides: leadsTo !== undefined };
    return leadsTo === undefined ? [lead, { patch, address: bypass, bytes: NOP5, decides: true }] : [lead];
  }

  /** One phase of one replacement; false when the run is over. */
  advance(run: PokeRun, cpu: number): boolean {
    const { livePatching } = this.#parts.world;
    const replacement = run.replacements[run.done];
    if (replacement === undefined) return false;
    if (run.batch === undefined) {
      const { patch, address, bytes, decides } = replacement;
      this.#journal.set(run, 'batch', livePatching.begin(this.#cpu(cpu), [placeOf(address)], bytes));
      if (decides) this.#journal.set(patch, 'leadsTo', run.target);
    } else {
      livePatching.advance(this.#cpu(cpu), run.batch);
      if (run.batch.phase === 'finished') {
        this.#journal.set(run, 'batch', undefined);
        this.#journal.set(run, 'done', run.done + 1);
      }
    }
    if (run.done === run.replacements.length) this.#journal.set(this.#state, 'run', undefined);
    return true;
  }

  #cpu(cpu: number) {
    return this.#parts.world.machine.cpu(cpu);
  }
}

const NOP5 = Uint8Array.of(0x0f, 0x1f, 0x44, 0x00, 0x00);

function jumpBytes(from: TextAddress, to: TextAddress): Uint8Array {
  const bytes = Uint8Array.of(0xe9, 0, 0, 0, 0);
  new DataView(bytes.buffer).setInt32(1, to - (from + 5), true);
  return bytes;
}

/** What smp_text_poke_int3_handler() does for an instruction that is being replaced: where the CPU goes on. */
export function emulated(bytes: Uint8Array, address: TextAddress): TextAddress {
  const next = address + bytes.length;
  return bytes[0] === 0xe9 ? next + new DataView(bytes.buffer, bytes.byteOffset).getInt32(1, true) : next;
}

const placeOf = (address: TextAddress): TextPlace => ({ page: pageOfText(address), offset: address & 0xfff });
