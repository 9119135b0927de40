import { NOT_MAPPED } from '../../machine/page-table.ts';
import { type Process, TASK_PAGES } from './process.ts';
import type { NoPage } from './user-access.ts';
import type { VmArea } from './vm-area.ts';

/** A fault whose handler has answered, before its page is installed. It holds a reference and mmap_lock for reading. */
export interface FaultInFlight {
  readonly area: VmArea;
  readonly page: number;
  readonly frame: number;
}

/** handle_mm_fault() in two steps, between which other CPUs run: what ->fault() answered is not yet in the page table. */
export const UserFaults = {
  /** Asks the handler for a page without an entry; 'present' when there is one. */
  begin(process: Process, page: number): FaultInFlight | NoPage | 'present' {
    const area = page < TASK_PAGES ? process.areaAt(page) : undefined;
    if (area?.operations === undefined || area.rights === 0) return '-EFAULT';
    if (process.presentFrame(page) !== NOT_MAPPED) return 'present';
    const answer = area.operations.fault(area, page);
    if (typeof answer === 'string') return answer;
    count(process, 1);
    return { area, page, frame: answer.frame };
  },

  /** finish_fault(): where another fault was faster its entry stays, and the reference is dropped. */
  finish({ area, page, frame }: FaultInFlight): boolean {
    const { process } = area;
    count(process, -1);
    const wanted = !process.hasEntry(page) && area.operations?.mayInstall(area, page, frame) !== false;
    if (wanted && process.install(area, page, frame)) return true;
    process.surroundings.references.drop(frame);
    return false;
  },
};

function count(process: Process, more: number): void {
  process.surroundings.journal.set(process, 'faultsInFlight', process.faultsInFlight + more);
}
