import { BtfBuilder } from '../../../model/bpf/btf/build.ts';
import { RECORD_BYTES, RELOCATION_KINDS, writeRecord } from '../../../model/bpf/btf/core-record.ts';
import { essentialName } from '../../../model/bpf/btf/essential-name.ts';
import { slotOf } from '../../../model/bpf/core-relocation/candidates.ts';
import { ProgramImage } from '../../../model/bpf/core-relocation/image.ts';
import type { CoreLoad, CoreOutcome } from './core-load.ts';
import type { RelocatingLoader } from './relocating-loader.ts';

/** Kinds of types that a question can be about without any danger. */
export const SAFE_KINDS = ['struct', 'union', 'enum', 'enum64', 'typedef'] as const;
export type SafeKind = (typeof SAFE_KINDS)[number];

/**
 * The running kernel's cache of candidates, which all programs share and which knows types by name alone. What a load answers
 * depends on what was asked before, by anybody, unless the names it asks for are forgotten first.
 */
export class LiveCandidateCache {
  readonly #loader: RelocatingLoader;
  readonly #fillers = new Map<number, string>();
  #next = 0;

  constructor(loader: RelocatingLoader) {
    this.#loader = loader;
  }

  /** Asks whether a type exists, as a program would; the kernel remembers the answer under the name. */
  ask(name: string, kind: SafeKind): CoreOutcome {
    return this.#loader.load(questionAbout(name, kind));
  }

  /**
   * Makes the kernel forget a name by asking for one that nobody has and that falls into the same slot: the last answer of a
   * slot is kept, among vmlinux's types and among those of modules. Throws where the kernel's slots are not those of 6.18.
   */
  forget(name: string): void {
    const slot = slotOf(essentialName(name));
    const filler = this.#fillerOf(slot);
    const outcome = this.ask(filler, 'struct');
    const seen = outcome.kind === 'loaded' ? cachedSlots(outcome.log).get(filler) : undefined;
    if (seen === slot) return;
    throw new Error(`asked for ${filler}, the kernel remembers it in slot ${seen} and not in ${slot}`);
  }

  #fillerOf(slot: number): string {
    for (let known = this.#fillers.get(slot); ; known = this.#fillers.get(slot)) {
      if (known !== undefined) return known;
      const name = `rox_nobody_${this.#next++}`;
      if (this.#loader.kernelTypes.namesakes(name).length > 0) continue;
      const own = slotOf(name);
      if (!this.#fillers.has(own)) this.#fillers.set(own, name);
    }
  }
}

/** The slots of names in the cache of vmlinux's types as a log tells them: `vmlinux_cand_cache:[3]list_head(93) ...`. */
function cachedSlots(log: string): ReadonlyMap<string, number> {
  const slots = new Map<string, number>();
  for (const [, dump] of log.matchAll(/^vmlinux_cand_cache:(.*)$/gm))
    for (const [, slot, name] of dump!.matchAll(/\[(\d+)\]([^\s()]+)\(/g)) slots.set(name!, Number(slot));
  return slots;
}

/** `r0 = 1; exit`, the 1 being the answer to whether the kernel has a type of that name and kind. */
export function questionAbout(name: string, kind: SafeKind): CoreLoad {
  const types = new BtfBuilder();
  const integer = types.add({ kind: 'int', name: 'int', sizeBytes: 4, encoding: 1, offsetBits: 0, widthBits: 32 });
  const prototype = types.add({ kind: 'func_proto', name: '', returnType: integer, parameters: [] });
  const main = types.add({ kind: 'func', name: 'main', prototype, linkage: 1 });
  const asked = addAsked();
  const record = { instructionOffset: 0, typeId: asked, accessOffset: types.string('0'), kind: TYPE_EXISTS };
  const bytes = new Uint8Array(RECORD_BYTES);
  writeRecord(bytes, 0, record);
  const program = new ProgramImage(new Uint8Array(16));
  program.setSlot(0, { opcode: 0xb7, immediate: 1 });
  program.setSlot(1, { opcode: 0x95, immediate: 0 });
  return {
    instructions: program.bytes,
    mapAddresses: [],
    btf: types.bytes(),
    functionInfo: [{ index: 0, typeId: main }],
    lineInfo: [],
    records: { bytes, count: 1, recordSize: RECORD_BYTES },
  };

  function addAsked(): number {
    if (kind === 'typedef') return types.add({ kind, name, type: integer });
    if (kind === 'struct' || kind === 'union') {
      const members = [{ name: 'any', type: integer, offsetBits: 0, bitfieldBits: 0 }];
      return types.add({ kind, name, sizeBytes: 4, hasBitfields: false, members });
    }
    const sizeBytes = kind === 'enum' ? 4 : 8;
    return types.add({ kind, name, sizeBytes, signed: false, enumerators: [{ name: 'ROX_ANY', value: 1n }] });
  }
}

const TYPE_EXISTS = RELOCATION_KINDS.indexOf('type_exists');
