import { type Occurrence, required, sometimes } from '../../language/occurrence.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';

const isRefused = (returned: unknown): boolean => returned instanceof Refusal;

/** What runs over arenas should meet. The shares are about half of what was measured over a thousand runs. */
export const arenaOccurrences: readonly Occurrence<ArenaWorld>[] = [
  required(0.4, {
    name: 'pages-are-asked-for-in-vain',
    says: 'An allocation is refused: no run of free slots, no memory, or a wrong argument.',
    after: ['bpf_arena_alloc_pages'],
    happens: (_, { returned }) => isRefused(returned),
  }),
  required(0.1, {
    name: 'two-processes-map-arenas',
    says: 'Two processes have an arena mapped at once, so a free has both to zap.',
    after: ['mmap', 'fork'],
    happens: ({ processes }) => processes.items.filter(({ areas }) => areas.length > 0).length > 1,
  }),
  required(0.2, {
    name: 'a-program-frees-pages',
    says: 'A program gives slots back.',
    after: ['bpf_arena_free_pages'],
    happens: (_, { changes }) => anyChange(changes),
  }),
  sometimes({
    name: 'a-process-writes-through-its-mapping',
    says: 'A write of a process reaches the arena.',
    after: ['process_vm_writev'],
    happens: (_, { returned }) => !isRefused(returned),
  }),
];

function anyChange(changes: { each(visit: () => void): void }): boolean {
  let any = false;
  changes.each(() => {
    any = true;
  });
  return any;
}
