import { ARENA_FIELDS, FREE_SLOT_FIELDS } from './arena-object.ts';
import type { ArenaFunctions } from './arena-programs.ts';
import type { Bpf } from './bpf.ts';
import type { BtfLookup } from './btf-lookup.ts';
import { available, type Facility, having, notSupported } from './facility.ts';
import { REPORT_FIELDS } from './fault-reports.ts';
import { KernelObjects } from './kernel-objects.ts';
import type { Libc } from './libc.ts';
import type { LiveKernel } from './live-kernel.ts';
import type { PageWalk } from './page-walk.ts';
import { trespasser } from './user-space.ts';

/** All that working on arenas of the running kernel, and looking into them, takes. */
export interface ArenaTools {
  readonly libc: Libc;
  readonly bpf: Bpf;
  readonly objects: KernelObjects;
  readonly walk: PageWalk;
  readonly functions: ArenaFunctions;
  /** Whether the free slots of an arena can be read: since they are a range tree (6.13). */
  readonly tellsFreeSlots: boolean;
  /** The size of one stream of a program; undefined where the kernel reports no faults (before 6.18). */
  readonly streamBytes: number | undefined;
}

/** Whether all of it is there. */
export function openArenaTools(kernel: LiveKernel): Facility<ArenaTools> {
  return having(kernel.libc, (libc) =>
    having(kernel.bpf, (bpf) =>
      having(kernel.btf, (btf) =>
        having(kernel.memory, (memory) =>
          having(kernel.pageWalk, (walk) =>
            having(findFunctions(btf), (functions) => {
              const streamBytes = btf.sizeOf('bpf_stream');
              const tellsFreeSlots = btf.offsetOf('bpf_arena', 'rt') !== undefined;
              const fields = [
                ...ARENA_FIELDS,
                ...(tellsFreeSlots ? FREE_SLOT_FIELDS : []),
                ...(streamBytes === undefined ? [] : REPORT_FIELDS),
              ];
              return having(KernelObjects.open(memory, btf, fields), (objects) => {
                const inTheWay = trespasser();
                if (inTheWay !== undefined) return notSupported(`this process has mapped ${inTheWay}`, 'try again');
                return available({ libc, bpf, objects, walk, functions, tellsFreeSlots, streamBytes });
              });
            }),
          ),
        ),
      ),
    ),
  );
}

/** The kernel functions that programs call; searched once, for the search takes milliseconds. */
function findFunctions(btf: BtfLookup): Facility<ArenaFunctions> {
  const alloc = btf.functionId('bpf_arena_alloc_pages');
  const free = btf.functionId('bpf_arena_free_pages');
  if (alloc === undefined || free === undefined) {
    return notSupported('the kernel has no bpf_arena_alloc_pages()', 'needs Linux 6.9 or later');
  }
  return available({ alloc, free, reserve: btf.functionId('bpf_arena_reserve_pages') });
}
