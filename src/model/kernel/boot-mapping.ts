import { assert } from '../../base/assert.ts';
import { PAGE_SIZE } from '../../base/page.ts';
import type { Machine } from '../machine/machine.ts';
import { type LeafLevel, pagesAtLevel } from '../machine/page-table.ts';
import { highWord, KERNEL_TABLE, LARGE, lowWord } from '../machine/page-table-entry.ts';

/** What boot maps in one go. */
export interface BootRange {
  readonly firstPage: number;
  readonly firstFrame: number;
  readonly pageCount: number;
  /** Without LARGE. */
  readonly flags: number;
  /** The largest leaf that may be used. */
  readonly largest: LeafLevel;
}

/**
 * Maps a range in the largest leaves that its alignment allows, as kernel_physical_mapping_init() does, and returns how many
 * leaves of each level it made. Nothing is flushed: nothing was there. Boot memory never runs out.
 */
export function mapAtBoot(machine: Machine, range: BootRange): Record<LeafLevel, number> {
  const leaves = { 1: 0, 2: 0, 3: 0 };
  const { firstPage, firstFrame, pageCount, largest } = range;
  for (let done = 0; done < pageCount; ) {
    const page = firstPage + done;
    const frame = firstFrame + done;
    const level = largestLevel(page, frame, pageCount - done, largest);
    if (level === 1 && page % 512 === 0 && pageCount - done >= 512) {
      fillTable(machine, page, frame, range.flags);
      leaves[1] += 512;
      done += 512;
      continue;
    }
    const { table, index } = placeAt(machine, page, level);
    table.setEntry(index, frame, level === 1 ? range.flags : range.flags | LARGE);
    leaves[level]++;
    done += pagesAtLevel(level);
  }
  return leaves;
}

function largestLevel(page: number, frame: number, pagesLeft: number, largest: LeafLevel): LeafLevel {
  for (let level = largest; level > 1; level--) {
    const span = pagesAtLevel(level);
    if (page % span === 0 && frame % span === 0 && pagesLeft >= span) return level as LeafLevel;
  }
  return 1;
}

/** Writes a whole table of 4 KiB leaves at once, so that a machine without large pages boots in reasonable time. */
function fillTable(machine: Machine, page: number, frame: number, flags: number): void {
  const { table } = placeAt(machine, page, 1);
  const words = new Uint32Array(PAGE_SIZE / 4);
  for (let index = 0; index < 512; index++) {
    words[2 * index] = lowWord(frame + index, flags);
    words[2 * index + 1] = highWord(frame + index, flags);
  }
  table.write(0, new Uint8Array(words.buffer));
}

function placeAt(machine: Machine, page: number, level: LeafLevel) {
  const newTable = () => machine.memory.allocate('page-table');
  const place = machine.kernelTables.place(page, level, newTable, KERNEL_TABLE);
  assert(place !== undefined, 'memory holds the tables of boot');
  return place;
}
