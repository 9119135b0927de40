import { PAGE_SIZE } from '../base/page.ts';
import { type Fault, fault } from '../language/fault.ts';
import { GLOBAL, KERNEL_DATA, NO_EXECUTE } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';

const HERE = { kernel: '6.18', suite: 'text-poke' } as const;

const pokeLeavesItsAlias = fault<World>({
  ...HERE,
  name: 'poke-leaves-its-alias',
  story: 'The writable alias of text stays mapped in the poking address space.',
  breaks: 'the-poke-alias-dies-with-the-poke',
  alsoBreaks: ['executable-frames-are-writable-nowhere', 'no-cpu-holds-the-poke-alias'],
  source: 'plausible: pte_clear() left out of __text_poke()',
  plant({ textPoke }) {
    textPoke.unmapAlias = () => {};
  },
});

const pokeLeavesItsSecondPage = fault<World>({
  ...HERE,
  name: 'poke-leaves-its-second-page',
  story: 'After a write across a page boundary only the first of two alias pages is unmapped.',
  breaks: 'the-poke-alias-dies-with-the-poke',
  alsoBreaks: ['executable-frames-are-writable-nowhere'],
  source: 'plausible: cross_page_boundary overlooked when __text_poke() cleans up',
  plant({ textPoke }) {
    const unmap = textPoke.unmapAlias.bind(textPoke);
    textPoke.unmapAlias = () => unmap(1);
  },
});

const pokeAliasIsExecutable = fault<World>({
  ...HERE,
  name: 'poke-alias-is-executable',
  story:
    'The alias through which text is written has the rights of PAGE_KERNEL_EXEC: for a moment text is writable and executable.',
  breaks: 'the-poke-alias-is-never-executable',
  source: 'plausible: the protection of __text_poke() taken from the text instead of PAGE_KERNEL',
  plant({ textPoke }) {
    textPoke.aliasFlags = () => KERNEL_DATA & ~GLOBAL & ~NO_EXECUTE;
  },
});

const pokeForgetsItsFlush = fault<World>({
  ...HERE,
  name: 'poke-forgets-its-flush',
  story:
    'The alias is unmapped and the CPU goes on with its writable translation of text, up to the next poke elsewhere.',
  breaks: 'no-cpu-holds-the-poke-alias',
  alsoBreaks: ['cpus-and-tables-together-keep-w-xor-x', 'no-cpu-keeps-rights-that-were-taken'],
  source: 'plausible: flush_tlb_mm_range() left out of __text_poke()',
  plant({ textPoke }) {
    textPoke.flushAlias = () => {};
  },
});

const pokeFlushesEverybody = fault<World>({
  ...HERE,
  name: 'poke-flushes-everybody',
  story: 'Every poke interrupts all CPUs for a flush that only the poking one needs.',
  breaks: 'pokes-concern-one-cpu',
  source: 'plausible: flush_tlb_all(), as before the private address space of 4fc19708b165 (5.1)',
  plant({ textPoke, machine }) {
    textPoke.flushAlias = () => machine.flushEverywhere();
  },
});

const textWrittenInPlace = fault<World>({
  ...HERE,
  name: 'text-written-in-place',
  story:
    "Instead of an alias the CPU's write protection is switched off, and the bytes are written through the text itself.",
  breaks: 'text-changes-through-pokes-alone',
  source: 'plausible: the CR0.WP way of early rootkits and drivers',
  plant({ textPoke, machine }) {
    textPoke.write = (_, at, bytes) => {
      for (let index = 0; index < bytes.length; index++) {
        const offset = at.offset + index;
        const leaf = machine.kernelTables.translate(at.page + Math.floor(offset / PAGE_SIZE));
        if (leaf !== undefined)
          machine.memory.frame(leaf.frame).write(offset % PAGE_SIZE, bytes.subarray(index, index + 1));
      }
    };
  },
});

const headsBeforeTails = fault<World>({
  ...HERE,
  name: 'heads-before-tails',
  story: 'The first byte of the new instruction is written before its tail: a CPU that comes there runs a mixture.',
  breaks: 'patch-sites-hold-old-new-or-a-trap',
  alsoBreaks: ['no-cpu-runs-a-torn-instruction'],
  source: 'plausible: two phases of smp_text_poke_batch_finish() exchanged',
  plant({ livePatching }) {
    livePatching.phaseAfter = (phase) =>
      phase === 'trapped' ? 'heads-written' : phase === 'heads-written' ? 'tails-written' : 'finished';
  },
});

const handlerGoneEarly = fault<World>({
  ...HERE,
  name: 'int3-handler-gone-early',
  story: 'The int3 handler forgets the batch once the tails are written, while the int3 bytes still stand.',
  breaks: 'no-cpu-runs-a-torn-instruction',
  source: 'plausible: the reference count of the batch dropped too early',
  plant({ livePatching }) {
    livePatching.handles = () => livePatching.active?.phase === 'trapped';
  },
});

export const textPokeFaults: readonly Fault<World>[] = [
  pokeLeavesItsAlias,
  pokeLeavesItsSecondPage,
  pokeAliasIsExecutable,
  pokeForgetsItsFlush,
  pokeFlushesEverybody,
  textWrittenInPlace,
  headsBeforeTails,
  handlerGoneEarly,
];
