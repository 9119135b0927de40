import { PAGE_SIZE } from '../../../base/page.ts';
import type { Frame } from '../../machine/frame.ts';
import { NOT_MAPPED } from '../../machine/page-table.ts';
import type { Errno } from '../errno.ts';
import { type Process, TASK_PAGES } from './process.ts';
import { type FaultAnswer, PROT_READ, PROT_WRITE, type VmArea } from './vm-area.ts';

/** The largest transfer of one call: MAX_RW_COUNT. */
const MOST_BYTES = 0x7fff_f000;

/** Why a page of user memory cannot be had: no mapping or no right, or what the fault handler said. */
export type NoPage = '-EFAULT' | Exclude<FaultAnswer, object>;

/**
 * get_user_pages() for one page: the frame behind it, faulted in where needed. It looks at areas and tables, not at a TLB,
 * and the kernel copies through its own mapping: exactly what process_vm_readv() and ptrace do.
 */
export function userPage(process: Process, page: number, forWrite: boolean): Frame | NoPage {
  const area = page < TASK_PAGES ? process.areaAt(page) : undefined;
  if (area === undefined || (area.rights & (forWrite ? PROT_WRITE : PROT_READ)) === 0) return '-EFAULT';
  const { memory } = process.surroundings.machine;
  const present = process.presentFrame(page);
  if (present !== NOT_MAPPED) return memory.frame(present);
  const answer = handleFault(area, page);
  return typeof answer === 'string' ? answer : memory.frame(answer.frame);
}

/** handle_mm_fault() for a page without an entry: asks the area's handler until it decides, then installs what it answers. */
export function handleFault(area: VmArea, page: number): FaultAnswer {
  const { process } = area;
  let answer = area.operations?.fault(area, page) ?? anonymousPage(area);
  while (answer === 'RETRY') answer = area.operations!.fault(area, page);
  if (typeof answer === 'string') return answer;
  if (process.install(area, page, answer.frame)) return answer;
  process.surroundings.references.drop(answer.frame);
  return 'OOM';
}

/** do_anonymous_page(). The shared zero page is left out: a page that was only read has a frame of its own. */
function anonymousPage(area: VmArea): FaultAnswer {
  const frame = area.process.surroundings.references.allocate('anonymous');
  return frame === undefined ? 'OOM' : { frame: frame.number };
}

/** process_vm_readv(2) of one range: the bytes up to the first page that cannot be had, EFAULT when that is the first. */
export function readUserMemory(process: Process, address: bigint, length: number): Uint8Array | Errno {
  const bytes = new Uint8Array(Math.min(length, MOST_BYTES));
  const done = eachPiece(process, address, bytes.length, false, (frame, offset, at, count) => {
    const uniform = frame.uniformByte;
    if (uniform === undefined) bytes.set(frame.view().subarray(offset, offset + count), at);
    else bytes.fill(uniform, at, at + count);
  });
  return typeof done === 'string' ? done : bytes.subarray(0, done);
}

/** process_vm_writev(2) of one range: how many bytes were written, EFAULT when it is none. */
export function writeUserMemory(process: Process, address: bigint, bytes: Uint8Array): number | Errno {
  return eachPiece(process, address, bytes.length, true, (frame, offset, at, count) => {
    frame.write(offset, bytes.subarray(at, at + count));
  });
}

/** Visits the pieces of a range page by page: frame, offset in it, offset in the transfer, bytes. */
function eachPiece(
  process: Process,
  address: bigint,
  length: number,
  forWrite: boolean,
  visit: (frame: Frame, offset: number, at: number, count: number) => void,
): number | Errno {
  let page = Number(address >> 12n);
  let offset = Number(address & 0xfffn);
  let at = 0;
  while (at < length) {
    const frame = userPage(process, page, forWrite);
    if (typeof frame === 'string') return at > 0 ? at : '-EFAULT';
    const count = Math.min(length - at, PAGE_SIZE - offset);
    visit(frame, offset, at, count);
    at += count;
    page++;
    offset = 0;
  }
  return at;
}
