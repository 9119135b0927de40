import { readFileSync } from 'node:fs';
import { addressOf, PAGE_SIZE, pageOf } from '../../base/page.ts';
import type { AddressSpace } from './address-space.ts';
import type { AuditInput } from './audit.ts';
import { directMapCounters, type LeafCounts } from './audit-census.ts';
import { thingOf } from './facility.ts';
import { readKernelSymbols } from './kallsyms.ts';
import type { KernelMemory } from './kernel-memory.ts';
import type { LiveKernel } from './live-kernel.ts';
import { arenaStartIn, OwnArena } from './own-arena.ts';
import type { KernelLeaves, PageWalk } from './page-walk.ts';
import { recognisedText } from './recognised-text.ts';

/**
 * Reads from the running kernel what an audit judges. Arenas of others are found through the programs that use them: the
 * machine code of such a program begins by loading the arena's address. Nobody's maps or programs are opened for that.
 */
export interface AuditReading extends AuditInput {
  readonly leaves: KernelLeaves;
  readonly directMapCounters: LeafCounts | undefined;
}

export function readForAudit(kernel: LiveKernel, walk: PageWalk, memory: KernelMemory): AuditReading {
  const arena = ownArena(kernel);
  try {
    const symbols = readKernelSymbols();
    const jit = symbols instanceof Error ? [] : symbols.bpf;
    const arenas = new Set(jit.flatMap(({ address }) => arenaOf(memory, address) ?? []));
    const own = arena?.kernelStart();
    if (own !== undefined) arenas.add(own);
    const leaves = walk.kernelLeaves();
    const counters = directMapCounters(readFileSync('/proc/meminfo', 'latin1'));
    const space = addressSpace(kernel, walk);
    const recognise = (page: number) => recognisedText(memory.read(addressOf(page), PAGE_SIZE));
    return {
      leaves,
      runs: leaves.runs,
      space,
      jit,
      arenas: [...arenas],
      recognise,
      directMapCounters: counters,
    };
  } finally {
    arena?.close();
  }
}

/** So that there is an arena to judge on every machine that can have one. */
function ownArena(kernel: LiveKernel): OwnArena | undefined {
  const bpf = thingOf(kernel.bpf);
  const btf = thingOf(kernel.btf);
  if (bpf === undefined || btf === undefined) return undefined;
  const arena = thingOf(OwnArena.open(bpf, btf));
  arena?.allocate(16);
  return arena;
}

function arenaOf(memory: KernelMemory, code: bigint): bigint | undefined {
  const prologue = memory.read(code, 64);
  return prologue === undefined ? undefined : arenaStartIn(prologue);
}

function addressSpace(kernel: LiveKernel, walk: PageWalk): AddressSpace {
  const directMapPage = pageOf(walk.roots.directMap);
  const textStart = thingOf(kernel.symbols)?.textStart;
  const text = textStart === undefined ? undefined : walk.leafAt(pageOf(textStart));
  return { directMapPage, imageShift: text === undefined ? undefined : text.page - text.frame };
}
